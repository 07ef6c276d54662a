# What the session scripts share. Sourced by bash, not run.
#
# A session is a throw-away folder, a few processes and an environment; it ends
# its own processes, by pid, and removes the folder when the command is over.

set -u
pids=()    # what this session started, in order
command=   # the pid of the command that runs in it
work=

# need PROGRAM PACKAGE: ends with the command that installs what is missing.
need() {
  command -v "$1" >/dev/null 2>&1 && return
  echo "$1 is missing: apt-get install $2" >&2
  exit 127
}

# make_home: a folder of its own, and an environment that knows no other. It is
# under /tmp whatever TMPDIR says: addresses of sockets are at most 107 bytes.
make_home() {
  work=$(mktemp -d /tmp/drawbridge-session.XXXXXX) || exit 1
  export DRAWBRIDGE_TEST_SESSION=1 # tests may write to this keychain
  export HOME=$work/home
  export XDG_CONFIG_HOME=$HOME/.config XDG_DATA_HOME=$HOME/.local/share
  export XDG_STATE_HOME=$HOME/.local/state XDG_CACHE_HOME=$HOME/.cache
  export XDG_RUNTIME_DIR=${1:-$work/run}
  mkdir -p "$XDG_CONFIG_HOME" "$XDG_DATA_HOME" "$XDG_STATE_HOME" "$XDG_CACHE_HOME" "$XDG_RUNTIME_DIR" || exit 1
  chmod 700 "$XDG_RUNTIME_DIR"
  unset DBUS_SESSION_BUS_ADDRESS GNOME_KEYRING_CONTROL SSH_AUTH_SOCK
}

# own_run_user "$@": runs the script again in a mount namespace of its own, where
# /run/user is empty: a session can then have its bus where a desktop has it, and
# the real one is neither seen nor touched. In there it succeeds, with --inside
# as the script's first argument. Without root this needs user namespaces.
own_run_user() {
  local space=(unshare --mount) place=/run/user
  if [ "${1:-}" != --inside ]; then
    need unshare util-linux
    [ "$(id -u)" = 0 ] || space=(unshare --user --map-root-user --mount)
    if ! "${space[@]}" true; then
      echo "No mount namespace: run as root, or allow user namespaces (sysctl kernel.unprivileged_userns_clone=1)." >&2
      exit 1
    fi
    exec "${space[@]}" "$0" --inside "$@"
  fi
  # Without /run/user the whole of /run is covered, so as to leave no trace.
  [ -d "$place" ] || place=/run
  mount -t tmpfs -o mode=0755 tmpfs "$place" || exit 1
}

# end_session ends the processes, the last one first, and removes the folder.
end_session() {
  local pid i left=("$command") log
  trap - EXIT
  for ((i = ${#pids[@]} - 1; i >= 0; i--)); do left+=("${pids[i]}"); done
  for pid in "${left[@]}"; do
    [ -n "$pid" ] && kill "$pid" 2>/dev/null
  done
  for ((i = 0; i < 40; i++)); do
    for pid in "${left[@]}"; do
      [ -n "$pid" ] && kill -0 "$pid" 2>/dev/null && sleep 0.05 && continue 2
    done
    break
  done
  for pid in "${left[@]}"; do
    [ -n "$pid" ] && kill -KILL "$pid" 2>/dev/null
  done
  if [ -n "${DRAWBRIDGE_SESSION_LOGS:-}" ] && [ -d "$work" ]; then
    mkdir -p "$DRAWBRIDGE_SESSION_LOGS"
    for log in "$work"/*.log; do [ -f "$log" ] && cp "$log" "$DRAWBRIDGE_SESSION_LOGS/"; done
  fi
  [ -n "$work" ] && rm -rf "$work"
}
trap end_session EXIT
trap 'exit 143' TERM
trap 'exit 130' INT
trap 'exit 129' HUP

# wait_for WHAT LOG COMMAND...: until the command succeeds, about a minute at most.
wait_for() {
  local what=$1 log=$2 i
  shift 2
  for ((i = 0; i < 1200; i++)); do
    "$@" >/dev/null 2>&1 && return
    sleep 0.05
  done
  echo "$what did not come up within a minute:" >&2
  tail -n 20 "$log" >&2
  exit 1
}

bus_has() {
  dbus-send --session --print-reply=literal --dest=org.freedesktop.DBus /org/freedesktop/DBus \
    org.freedesktop.DBus.NameHasOwner "string:$1" | grep -q true
}

# start_bus: a session bus of its own at $XDG_RUNTIME_DIR/bus.
start_bus() {
  need dbus-daemon dbus-daemon
  need dbus-send dbus-bin
  export DBUS_SESSION_BUS_ADDRESS=unix:path=$XDG_RUNTIME_DIR/bus
  dbus-daemon --session --nofork --nopidfile --address="$DBUS_SESSION_BUS_ADDRESS" \
    >"$work/bus.log" 2>&1 </dev/null &
  pids+=($!)
  # The socket is there before anybody listens.
  wait_for "The session bus" "$work/bus.log" bus_has org.freedesktop.DBus
}

# start_keyring: a Secret Service, unlocked. Its password is "drawbridge".
start_keyring() {
  need gnome-keyring-daemon gnome-keyring
  printf drawbridge | gnome-keyring-daemon --foreground --unlock --components=secrets \
    >"$work/keyring.log" 2>&1 &
  pids+=($!)
  wait_for "The keyring" "$work/keyring.log" bus_has org.freedesktop.secrets
}

# run COMMAND...: runs it with the session's standard input and ends with its
# status. It runs beside the shell, so that a signal to the shell ends both.
run() {
  "$@" <&0 &
  command=$!
  wait "$command"
  local status=$?
  command=
  exit "$status"
}
