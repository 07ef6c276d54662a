#!/bin/bash
# bare-session.sh COMMAND...
#
# Runs COMMAND as MCP clients run a stdio server: with HOME, LOGNAME, PATH,
# SHELL, TERM and USER in its environment and nothing else. The session bus,
# with an unlocked gnome-keyring on it, is where a desktop has it:
# /run/user/UID/bus, in a mount namespace of its own, so that the real one is
# neither seen nor touched. Without root this needs user namespaces (Debian:
# on by default); COMMAND then sees itself as uid 0.
#
# DRAWBRIDGE_SESSION_LOGS=DIR   the logs of bus and keyring are kept there
set -u
if [ "${1:-}" != --inside ]; then
  [ $# -gt 0 ] || { echo "usage: bare-session.sh COMMAND..." >&2; exit 2; }
  command -v unshare >/dev/null || { echo "unshare is missing: apt-get install util-linux" >&2; exit 127; }
  space=(unshare --mount)
  [ "$(id -u)" = 0 ] || space=(unshare --user --map-root-user --mount)
  if ! "${space[@]}" true; then
    echo "No mount namespace: run as root, or allow user namespaces (sysctl kernel.unprivileged_userns_clone=1)." >&2
    exit 1
  fi
  exec "${space[@]}" "${BASH_SOURCE[0]}" --inside "$@"
fi
shift
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# Without /run/user the whole of /run is covered, so as to leave no trace.
place=/run/user
[ -d "$place" ] || place=/run
mount -t tmpfs -o mode=0755 tmpfs "$place" || exit 1
make_home "/run/user/$(id -u)"
unset DISPLAY WAYLAND_DISPLAY
start_bus
start_keyring
user=$(id -un)
run env -i HOME="$HOME" LOGNAME="$user" PATH="$PATH" SHELL="${SHELL:-/bin/sh}" TERM="${TERM:-dumb}" USER="$user" "$@"
