#!/bin/bash
# desktop-session.sh COMMAND...
#
# Runs COMMAND in a headless desktop of its own: Xvfb, a private D-Bus bus,
# openbox, a panel that hosts tray icons, an unlocked gnome-keyring, its own
# HOME and XDG folders.
#
# DRAWBRIDGE_SESSION_SCREEN=1280x800   the size of the screen
# DRAWBRIDGE_SESSION_TRAY=0            no panel: nobody hosts tray icons
# DRAWBRIDGE_SESSION_BUS=user          the bus is at /run/user/UID/bus, as on a real
#                                      desktop (see own_run_user in lib.sh)
# DRAWBRIDGE_SESSION_KEYRING=0         no keyring
# DRAWBRIDGE_SESSION_LOGS=DIR          the logs of all parts are kept there
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd) || exit 1
. "$here/lib.sh"
[ $# -gt 0 ] || { echo "usage: desktop-session.sh COMMAND..." >&2; exit 2; }
need Xvfb xvfb
need openbox openbox
[ "${DRAWBRIDGE_SESSION_TRAY:-1}" = 0 ] || need xfce4-panel xfce4-panel

if [ "${DRAWBRIDGE_SESSION_BUS:-}" = user ]; then
  own_run_user "$@" && shift
  make_home "/run/user/$(id -u)"
else
  make_home
fi
cp -r "$here/xdg/." "$XDG_CONFIG_HOME/"
unset WAYLAND_DISPLAY
export GDK_BACKEND=x11 XDG_SESSION_TYPE=x11 NO_AT_BRIDGE=1 LIBGL_ALWAYS_SOFTWARE=1

exec 3>"$work/display"
mkdir "$work/screen" && export DRAWBRIDGE_SESSION_SCREEN_FILE=$work/screen/Xvfb_screen0
Xvfb -displayfd 3 -screen 0 "${DRAWBRIDGE_SESSION_SCREEN:-1280x800}x24" -fbdir "$work/screen" -nolisten tcp \
  >"$work/xvfb.log" 2>&1 </dev/null &
pids+=($!)
exec 3>&-
wait_for "The display" "$work/xvfb.log" grep -q . "$work/display"
DISPLAY=:$(cat "$work/display")
export DISPLAY

start_bus
openbox >"$work/openbox.log" 2>&1 </dev/null &
pids+=($!)
if [ "${DRAWBRIDGE_SESSION_TRAY:-1}" != 0 ]; then
  xfce4-panel --disable-wm-check >"$work/panel.log" 2>&1 </dev/null &
  pids+=($!)
  wait_for "The tray" "$work/panel.log" bus_has org.kde.StatusNotifierWatcher
fi
[ "${DRAWBRIDGE_SESSION_KEYRING:-1}" = 0 ] || start_keyring
run "$@"
