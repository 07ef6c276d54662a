#!/usr/bin/env bash
# make stress: each test of Go by itself, again and again with the race detector
# and on one, two and four processors, STRESSTIME for each (seconds). What is right
# only by luck shows here before it shows in a check of something else. The
# packages' tests run in a session with a keychain of its own, two packages beside
# each other, so that each is held up by the other.
set -euo pipefail
cd "$(dirname "$0")/.."

only=${1:-}
seconds=${STRESSTIME:-5}
logs=$PWD/test/artifacts/logs/stress
[[ $seconds =~ ^[1-9][0-9]*$ ]] || { echo "stress: STRESSTIME=$seconds is no number of seconds" >&2; exit 2; }

# one PACKAGE: its tests. A test that takes longer than its time runs once on each.
one() {
  local package=$1 name=${1//\//-} binary ms count begun failed=0
  binary=$logs/$name.test
  go test -race -c -o "$binary" "./$package"
  [ -x "$binary" ] || return 0 # it has no tests
  cd "$package"
  for test in $("$binary" -test.list '^Test'); do
    begun=$(date +%s%N)
    count=1
    if "$binary" -test.run "^$test\$" -test.cpu 1,2,4 -test.timeout 10m >"$logs/$name.$test.log" 2>&1; then
      ms=$((($(date +%s%N) - begun) / 1000000 + 1))
      count=$((seconds * 1000 / ms))
      [ "$count" -gt 1 ] || continue
      [ "$count" -le 2000 ] || count=2000
    fi
    if ! "$binary" -test.run "^$test\$" -test.cpu 1,2,4 -test.count "$count" -test.timeout 10m >"$logs/$name.$test.log" 2>&1; then
      echo "  FAIL  $package $test ($(grep -c '^--- FAIL' "$logs/$name.$test.log") of $((3 * count)), test/artifacts/logs/stress/$name.$test.log)"
      failed=1
      continue
    fi
    rm -f "$logs/$name.$test.log"
  done
  rm -f "$binary"
  [ "$failed" = 1 ] || echo "  ok    $package"
  return "$failed"
}

if [ "${2:-}" = "in session" ]; then
  one "$only"
  exit
fi

rm -rf "$logs"
mkdir -p "$logs"
# The sessions have a HOME of their own: what Go keeps in the person's stays where
# it is.
GOCACHE=$(go env GOCACHE) GOMODCACHE=$(go env GOMODCACHE) GOENV=$(go env GOENV) GOPATH=$(go env GOPATH)
export GOCACHE GOMODCACHE GOENV GOPATH
packages=$(go list -f '{{.Dir}}' . ./bridge/... | sed "s#^$PWD/##; s#^$PWD\$#.#" | grep -F -- "$only") ||
  { echo "stress: no package is called $only" >&2; exit 2; }
begun=$SECONDS
# shellcheck disable=SC2086 # one name, one word
if printf '%s\n' $packages | xargs -P 2 -I '{}' test/sessions/keyring-session.sh scripts/stress.sh '{}' 'in session'; then
  echo "stress: ok, $(wc -w <<<"$packages") packages in $((SECONDS - begun)) s"
else
  echo "stress: FAILED in $((SECONDS - begun)) s"
  exit 1
fi
