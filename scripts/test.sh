#!/usr/bin/env bash
# make test: Go with the race detector, the front end, and the whole program
# against real parts. Go's tests run in a session with a keychain of its own.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/steps.sh

# The sessions have a HOME of their own: what Go keeps in the person's stays
# where it is.
GOCACHE=$(go env GOCACHE) GOMODCACHE=$(go env GOMODCACHE) GOENV=$(go env GOENV) GOPATH=$(go env GOPATH)
export GOCACHE GOMODCACHE GOENV GOPATH
export DRAWBRIDGE_ARTIFACTS=$PWD/test/artifacts

npm_run() { npm --prefix frontend run --silent "$@"; }
in_session() { DRAWBRIDGE_SESSION_LOGS=$logs/keyring test/sessions/keyring-session.sh "$@"; }
go_tests() { in_session go test -race -timeout 20m . ./bridge/...; }
# Not beside the others, nor one package beside the other: these watch the clock
# while tokens of 5 seconds expire.
end_to_end() { in_session env DRAWBRIDGE_E2E=1 go test -race -count=1 -p 1 -timeout 45m -skip '^TestDesktop' ./test/...; }
# What needs a screen and a tray; here all of it has to run.
desktop_session() {
  local out=$logs/desktop-session.txt
  {
    DRAWBRIDGE_SESSION_LOGS=$logs/desktop test/sessions/desktop-session.sh env DRAWBRIDGE_E2E=1 \
      go test -v -race -count=1 -timeout 20m ./bridge/tray ./bridge/agent &&
      DRAWBRIDGE_SESSION_LOGS=$logs/desktop DRAWBRIDGE_E2E=1 DRAWBRIDGE_TEST_WINDOW=$PWD/bin/drawbridge-desktop \
        go test -v -race -count=1 -timeout 60m -run '^TestDesktop' ./test
  } 2>&1 | tee "$out" || return 1
  ! grep -- '--- SKIP' "$out" || { echo "skipped where nothing may be"; return 1; }
}

step "page builds" npm_run build
step "binaries build" make --no-print-directory build desktop SETUP=:
step "go test -race" go_tests
step "packages" env PACKAGE_WINDOW=yes scripts/package-test.sh
step "vitest" npm_run test
step "playwright" npm_run e2e
step "end to end" end_to_end
step "desktop session" desktop_session
finish test
