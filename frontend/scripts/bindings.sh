#!/bin/sh
# Writes src/wailsjs, the TypeScript side of app.go, anew. With --check it only
# says whether the committed one is current. Needs no GTK: the generator builds
# with the tag `bindings`, which has no cgo in it.
set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
out=$here/src/wailsjs
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
before=$work/before
mkdir "$before"
[ -d "$out" ] && cp -R "$out/." "$before"

cd "$here/.."
# It builds its generator under one name for all, in the folder for such things:
# in one of its own, another run of it does not get in the way.
TMPDIR=$work go tool -modfile=tools/go.mod wails generate module >"$work/log" 2>&1 || {
  cat "$work/log" >&2
  exit 1
}
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
