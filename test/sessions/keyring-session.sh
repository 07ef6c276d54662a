#!/bin/bash
# keyring-session.sh COMMAND...
#
# Runs COMMAND in a session of its own: a private D-Bus bus, an unlocked
# gnome-keyring, its own HOME and XDG folders, no display. The keychain of the
# person at this machine is neither read nor written.
#
# DRAWBRIDGE_SESSION_LOCKED=1   no keyring is unlocked: the service is absent
# DRAWBRIDGE_SESSION_LOGS=DIR   the logs of bus and keyring are kept there
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
[ $# -gt 0 ] || { echo "usage: keyring-session.sh COMMAND..." >&2; exit 2; }

make_home
unset DISPLAY WAYLAND_DISPLAY
start_bus
[ "${DRAWBRIDGE_SESSION_LOCKED:-}" = 1 ] || start_keyring
run "$@"
