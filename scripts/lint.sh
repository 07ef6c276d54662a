#!/usr/bin/env bash
# make lint: everything that is checked without running the program. The front
# end's checks run beside Go's.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/steps.sh

tool() { go tool -modfile=tools/go.mod "$@"; }
window_tags=$(scripts/window-tags.sh)

formatted() {
  local found
  found=$(tool gofumpt -l ./*.go bridge test) || return 1
  [ -z "$found" ] || { printf 'not formatted (make fmt):\n%s\n' "$found"; return 1; }
}
tidy() { go mod tidy -diff; }
vet() { go vet ./... && go vet -tags demo . && go vet -tags replica .; }
vet_window() { go vet -tags "$window_tags" . && go vet -tags bindings .; }
staticcheck() { tool staticcheck ./bridge/... ./test/...; }
staticcheck_window() { tool staticcheck -tags "$window_tags" .; }
lean() { CGO_ENABLED=0 GOOS=$1 GOARCH=$2 go build -buildvcs=false -trimpath -o /dev/null .; }
lean_others() { lean windows amd64 && lean darwin arm64; }
windows_window() {
  CGO_ENABLED=0 GOOS=windows GOARCH=amd64 go build -buildvcs=false -tags desktop,production -trimpath -ldflags '-H windowsgui' -o /dev/null .
}
static() {
  CGO_ENABLED=0 go build -buildvcs=false -trimpath -o "$logs/lean" .
  [[ $(readelf -d "$logs/lean" 2>/dev/null) != *NEEDED* ]] || { echo "the lean binary needs shared libraries"; return 1; }
  rm -f "$logs/lean"
}
scripts_parse() {
  local f
  for f in scripts/*.sh .ci/run test/sessions/*.sh; do bash -n "$f" || return 1; done
}
npm_run() { npm --prefix frontend run --silent "$@"; }

front_end() {
  step "svelte-check" npm_run check
  step "eslint, prettier" npm_run lint
}

lane front_end
step "gofumpt" formatted
step "scripts parse" scripts_parse
step "go mod tidy" tidy
step "go vet" vet
step "lean binary is static" static
step "staticcheck" staticcheck
step "lean binary for Windows, macOS" lean_others
join
# From here on what the window embeds has to be there.
step "page builds" npm_run build
step "go vet, window" vet_window
step "staticcheck, window" staticcheck_window
step "window for Windows" windows_window
step "bindings are current" npm_run bindings:check
finish lint
