#!/usr/bin/env bash
# make fuzz: the fuzz targets, one after another, FUZZTIME for all of
# them together (such as 90s, 10m, 2h). A name runs those whose name or package it
# is a part of. What makes one fail is kept by Go beside it, in testdata/fuzz/, and
# belongs into the commit that mends it.
set -euo pipefail
cd "$(dirname "$0")/.."

only=${1:-}
time=${FUZZTIME:-10m}
workers=${FUZZWORKERS:-$(getconf _NPROCESSORS_ONLN)}

[[ $time =~ ^([0-9]+)([smh])$ ]] || { echo "fuzz: FUZZTIME=$time is no time such as 90s, 10m or 2h" >&2; exit 2; }
case ${BASH_REMATCH[2]} in
  h) seconds=$((BASH_REMATCH[1] * 3600)) ;;
  m) seconds=$((BASH_REMATCH[1] * 60)) ;;
  s) seconds=${BASH_REMATCH[1]} ;;
esac

targets=()
while IFS=: read -r file line; do
  name=${line#func }
  name=${name%%(*}
  target="./$(dirname "$file") $name"
  [[ -n $only && $target != *"$only"* ]] || targets+=("$target")
done < <(grep -rho --include='*_test.go' -H '^func Fuzz[A-Za-z0-9_]*(' bridge ./*_test.go | sort)
[ ${#targets[@]} -gt 0 ] || { echo "fuzz: no target is called $only" >&2; exit 2; }

each=$((seconds / ${#targets[@]}))
[ "$each" -ge 1 ] || each=1
failed=()
for target in "${targets[@]}"; do
  read -r package name <<<"$target"
  echo "== $name in $package, ${each} s"
  go test -run '^$' -fuzz "^$name\$" -fuzztime "${each}s" -parallel "$workers" "$package" || failed+=("$name")
done
[ ${#failed[@]} -eq 0 ] || { echo "fuzz: FAILED: ${failed[*]}"; exit 1; }
echo "fuzz: ok, ${#targets[@]} targets, $each s each"
