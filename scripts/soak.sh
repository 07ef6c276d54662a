#!/usr/bin/env bash
# make soak: the long forms of test/soak; a name runs one of them. The results go
# into docs/soak.md; rows of tests that were not run stay as they were.
set -euo pipefail
cd "$(dirname "$0")/.."

# Two tests at a time: each has its own provider, keychain and processes.
export DRAWBRIDGE_E2E=1 DRAWBRIDGE_LONG=1
export DRAWBRIDGE_SOAK_REPORT=${DRAWBRIDGE_SOAK_REPORT:-$PWD/docs/soak.md}
export DRAWBRIDGE_ARTIFACTS=$PWD/test/artifacts
status=0
go test -count=1 -parallel 2 -timeout 90m -v -run "${1:-.}" ./test/soak/ | grep -v '^=== ' || status=$?
sed -n '/^| test /,$p' "$DRAWBRIDGE_SOAK_REPORT"
exit "$status"
