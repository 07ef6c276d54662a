#!/bin/sh
# Writes src/wailsjs, the TypeScript side of app.go, anew. With --check it only
# says whether the committed one is current. Needs no GTK: the generator builds
# with the tag `bindings`, which has no cgo in it.
set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
out=$here/src/wailsjs
before=$(mktemp -d)
trap 'rm -rf "$before"' EXIT
[ -d "$out" ] && cp -R "$out/." "$before"

cd "$here/.."
go tool -modfile=tools/go.mod wails generate module >"$before.log" 2>&1 || {
  cat "$before.log" >&2
  rm -f "$before.log"
  exit 1
}
rm -f "$before.log"
find "$out" -type f -exec chmod 644 {} +

[ "${1:-}" = --check ] || exit 0
if diff -r "$before" "$out" >/dev/null; then
  exit 0
fi
diff -ru "$before" "$out" >&2 || true
rm -rf "$out"
cp -R "$before" "$out"
echo 'frontend/src/wailsjs is not what app.go says. Run: npm run bindings (in frontend/)' >&2
exit 1
