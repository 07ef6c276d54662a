#!/bin/sh
# The page in Chromium with the real Go side behind it: a window built with the
# tag `dev` serves it, an agent and a demo server answer. Needs Xvfb, because the
# window opens too. Arguments go to Playwright.
set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
pids=
end() {
  status=$?
  # The rig ends with its stdin, the others by their own ids.
  exec 9>&- || true
  for pid in $pids; do kill "$pid" 2>/dev/null || true; done
  for pid in $pids; do wait "$pid" 2>/dev/null || true; done
  [ "$status" = 0 ] || cat "$work"/*.log >&2
  rm -rf "$work"
  exit "$status"
}
trap end EXIT

# wait_for FILE: until it has something in it, ten seconds at most.
wait_for() {
  n=0
  until [ -s "$1" ]; do
    n=$((n + 1))
    [ "$n" -lt 100 ] || { echo "e2e: $1 stays empty" >&2; exit 1; }
    sleep 0.1
  done
}
member() { sed "s/.*\"$1\":\"\([^\"]*\)\".*/\1/" "$work/rig.json"; }

cd "$here/.."
tags=desktop,dev
if pkg-config --exists webkit2gtk-4.1; then tags=$tags,webkit2_41; fi
go build -buildvcs=false -o "$work/rig" ./test/windowrig
go build -buildvcs=false -tags "$tags" -o "$work/window" .

mkfifo "$work/stdin"
"$work/rig" <"$work/stdin" >"$work/rig.json" 2>"$work/rig.log" &
pids=$!
exec 9>"$work/stdin"
wait_for "$work/rig.json"

Xvfb -displayfd 8 -screen 0 1280x800x24 -nolisten tcp 8>"$work/display" 9>&- 2>"$work/xvfb.log" &
pids="$pids $!"
wait_for "$work/display"

# Below the range that systems hand out to others.
port=${DRAWBRIDGE_E2E_BACKEND_PORT:-24318}
DISPLAY=:$(cat "$work/display")
export DISPLAY GDK_BACKEND=x11 NO_AT_BRIDGE=1
DRAWBRIDGE_CONFIG_DIR=$(member configDir) DRAWBRIDGE_STATE_DIR=$(member stateDir) \
  "$work/window" -assetdir "$here/dist" -devserver "127.0.0.1:$port" -loglevel Error 9>&- >"$work/window.log" 2>&1 &
pids="$pids $!"
n=0
until curl -fs -o /dev/null "http://127.0.0.1:$port/"; do
  n=$((n + 1))
  [ "$n" -lt 100 ] || { echo "e2e: the window serves nothing" >&2; exit 1; }
  sleep 0.1
done

cd "$here"
DRAWBRIDGE_E2E_BACKEND=http://127.0.0.1:$port DRAWBRIDGE_E2E_SERVER=$(member server) DRAWBRIDGE_E2E_HOME=$(member home) npx playwright test "$@" 9>&-
