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
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
[ $# -gt 0 ] || { echo "usage: bare-session.sh COMMAND..." >&2; exit 2; }
own_run_user "$@" && shift

make_home "/run/user/$(id -u)"
unset DISPLAY WAYLAND_DISPLAY
start_bus
start_keyring
user=$(id -un)
run env -i HOME="$HOME" LOGNAME="$user" PATH="$PATH" SHELL="${SHELL:-/bin/sh}" TERM="${TERM:-dumb}" USER="$user" "$@"
