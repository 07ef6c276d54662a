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
export DRAWBRIDGE_E2E=1
export DRAWBRIDGE_ARTIFACTS=$PWD/test/artifacts

npm_run() { npm --prefix frontend run --silent "$@"; }
go_tests() { DRAWBRIDGE_SESSION_LOGS=$logs/keyring test/sessions/keyring-session.sh go test -race -timeout 10m ./...; }

step "page builds" npm_run build
step "binaries build" make --no-print-directory build desktop SETUP=:
step "go test -race" go_tests
step "vitest" npm_run test
step "playwright" npm_run e2e
finish test
