#!/bin/sh
# The page in Chromium with the real Go side behind it: a window built with the
# tag `dev` serves it, an agent and a demo server answer, and so does a real
# identity provider with a real MCP server behind it. Needs Xvfb, because the
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

# wait_for FILE: until it has something in it, two minutes at most.
wait_for() {
  n=0
  until [ -s "$1" ]; do
    n=$((n + 1))
    [ "$n" -lt 1200 ] || { echo "e2e: $1 stays empty" >&2; exit 1; }
    sleep 0.1
  done
}
# member NAME [FILE]: a member of what a part said when it was ready.
member() { sed "s/.*\"$1\":\"\([^\"]*\)\".*/\1/" "$work/${2:-rig.json}"; }

cd "$here/.."
mkfifo "$work/stdin"
exec 9<>"$work/stdin"
# begin NAME PROGRAM...: a part that says where it listens, and ends with fd 9.
begin() {
  name=$1
  shift
  "$@" <"$work/stdin" 9>&- >"$work/$name.json" 2>"$work/$name.log" &
  pids="$pids $!"
}

# While Go builds: Node takes its time, too.
begin provider test/bin/node test/node/provider.mjs --ttl 60 --device
begin sealed test/bin/node test/node/provider.mjs --ttl 60 --opaque
tags=desktop,dev
if pkg-config --exists webkit2gtk-4.1; then tags=$tags,webkit2_41; fi
go build -buildvcs=false -o "$work/rig" ./test/windowrig
go build -buildvcs=false -tags "$tags" -o "$work/window" .
go build -buildvcs=false -tags demo -o "$work/drawbridge-demo" .

# Before the rig, whose agent has a clipboard there.
Xvfb -displayfd 8 -screen 0 1280x800x24 -noreset -nolisten tcp 8>"$work/display" 9>&- 2>"$work/xvfb.log" &
pids="$pids $!"
wait_for "$work/display"
DISPLAY=:$(cat "$work/display")
export DISPLAY GDK_BACKEND=x11 NO_AT_BRIDGE=1

wait_for "$work/provider.json"
begin gate test/bin/node test/node/gate.mjs --issuer "$(member issuer provider.json)"
wait_for "$work/sealed.json"
begin opaque test/bin/node test/node/gate.mjs --opaque --issuer "$(member issuer sealed.json)"
begin rig "$work/rig" "$work/drawbridge-demo"
wait_for "$work/rig.json"

port=${DRAWBRIDGE_E2E_BACKEND_PORT:-$(node "$here/scripts/port.mjs")}
DRAWBRIDGE_CONFIG_DIR=$(member configDir) DRAWBRIDGE_STATE_DIR=$(member stateDir) \
  "$work/window" -assetdir "$here/dist" -devserver "127.0.0.1:$port" -loglevel Error 9>&- >"$work/window.log" 2>&1 &
pids="$pids $!"
n=0
until curl -fs -o /dev/null "http://127.0.0.1:$port/"; do
  n=$((n + 1))
  [ "$n" -lt 1200 ] || { echo "e2e: the window serves nothing" >&2; exit 1; }
  sleep 0.1
done

wait_for "$work/gate.json"
wait_for "$work/opaque.json"

cd "$here"
export DRAWBRIDGE_E2E_BACKEND="http://127.0.0.1:$port"
DRAWBRIDGE_E2E_SERVER=$(member server)
DRAWBRIDGE_E2E_GATE=$(member url gate.json)
DRAWBRIDGE_E2E_OPAQUE=$(member url opaque.json)
DRAWBRIDGE_E2E_PROVIDER=$(member issuer provider.json)
DRAWBRIDGE_E2E_HOME=$(member home)
DRAWBRIDGE_E2E_CONFIG=$(member configDir)
DRAWBRIDGE_E2E_USE=$(member use)
export DRAWBRIDGE_E2E_USE DRAWBRIDGE_E2E_OPAQUE DRAWBRIDGE_E2E_SERVER DRAWBRIDGE_E2E_GATE DRAWBRIDGE_E2E_PROVIDER DRAWBRIDGE_E2E_HOME DRAWBRIDGE_E2E_CONFIG
npx playwright test "$@" 9>&-
