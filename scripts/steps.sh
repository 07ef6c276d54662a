# Sourced by lint.sh and test.sh: runs named steps, keeps their output in
# test/artifacts/logs, shows it when one fails, and ends with one line for all.

logs=$PWD/test/artifacts/logs
mkdir -p "$logs"
passed=()
failed=()
lanes=()
begun=$SECONDS

# step NAME COMMAND...: one check. A failure is noted; the others still run.
step() {
  local name=$1 started=$SECONDS log
  shift
  log=$logs/${name//[^a-zA-Z0-9]/-}.log
  if "$@" >"$log" 2>&1 </dev/null; then
    passed+=("$name")
    printf '  ok    %4d s  %s\n' $((SECONDS - started)) "$name"
  else
    failed+=("$name")
    printf '  FAIL  %4d s  %s  (%s)\n' $((SECONDS - started)) "$name" "${log#"$PWD/"}"
    tail -n 200 "$log" | sed 's/^/        | /'
  fi
}

# lane FUNCTION: runs a function of steps beside the others; see join.
lane() {
  local out
  out=$logs/lane-$1
  (
    passed=() failed=()
    "$1"
    printf '%s\n' "${passed[@]}" >"$out.passed"
    printf '%s\n' "${failed[@]}" >"$out.failed"
  ) &
  lanes+=("$!:$out")
}

# join: waits for the lanes and takes over what they found.
join() {
  local each out
  for each in "${lanes[@]}"; do
    out=${each#*:}
    if ! wait "${each%%:*}"; then
      failed+=("$(basename "$out") ended early")
      continue
    fi
    while read -r name; do [ -z "$name" ] || passed+=("$name"); done <"$out.passed"
    while read -r name; do [ -z "$name" ] || failed+=("$name"); done <"$out.failed"
    rm -f "$out.passed" "$out.failed"
  done
  lanes=()
}

# finish WHAT: the summary line and the exit status.
finish() {
  local seconds=$((SECONDS - begun))
  if [ ${#failed[@]} -gt 0 ]; then
    local list
    list=$(printf ', %s' "${failed[@]}")
    printf '%s: FAILED in %d s: %s (%d passed)\n' "$1" "$seconds" "${list:2}" ${#passed[@]}
    exit 1
  fi
  printf '%s: ok, %d steps in %d s\n' "$1" ${#passed[@]} "$seconds"
}
