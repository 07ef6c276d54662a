#!/usr/bin/env bash
# Makes the Linux packages of the command, installs the .deb into an empty root of
# its own, runs what it brought, and removes it again. Nothing of this machine is
# changed. PACKAGE_WINDOW=yes does the same with the window's package.
set -euo pipefail
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() { printf 'FAIL: %s\n' "$*" >&2; exit 1; }
ok() { printf 'ok: %s\n' "$*"; }

command -v dpkg >/dev/null || fail "dpkg is missing"
[ "$(id -u)" = 0 ] || [ -z "${CI:-}" ] || fail "dpkg needs root"
export PACKAGE_WINDOW=${PACKAGE_WINDOW:-no} PACKAGES=$work/packages VERSION=1.2.3
scripts/package.sh linux
cd "$work"
deb=packages/drawbridge_1.2.3-1_amd64.deb
[ "$(go env GOARCH)" = amd64 ] || deb=packages/drawbridge_1.2.3-1_$(go env GOARCH).deb
[ -f "$deb" ] || fail "there is no $deb"
(cd packages && sha256sum --quiet -c SHA256SUMS) || fail "SHA256SUMS is not right"
ok "checksums"

root=$work/root
mkdir -p "$root/var/lib/dpkg/"{info,updates,triggers} "$root/tmp"
: >"$root/var/lib/dpkg/status"
installer=(dpkg --root="$root" --log=/dev/null --force-not-root --force-script-chrootless)
"${installer[@]}" --install "$deb" >"$work/log" 2>&1 || { cat "$work/log"; fail "it does not install"; }
[ "$(dpkg-query --admindir="$root/var/lib/dpkg" -W -f '${db:Status-Status} ${Version}' drawbridge)" = "installed 1.2.3-1" ] || fail "it is not installed"
ok "installed"

run() { env -i HOME="$work/home" PATH="$root/usr/bin:/usr/bin:/bin" "$@"; }
mkdir -p "$work/home/.codex"
[[ $(run drawbridge version) == *1.2.3* ]] || fail "it does not say its version"
run drawbridge add notes https://notes.example.com/mcp 2>/dev/null
run drawbridge install codex notes 2>/dev/null
grep -q "command = \"$root/usr/bin/drawbridge\"" "$work/home/.codex/config.toml" || fail "install wrote another command"
[[ $(run drawbridge clients) == *codex*notes* ]] || fail "clients does not list it"
run drawbridge demo --help >/dev/null 2>&1 || fail "the demo is not beside it"
run drawbridge serve --state redis://x --help >/dev/null 2>&1 || fail "serve --state is not there"
ok "version, add, install, clients, demo"

for page in drawbridge drawbridge-install drawbridge-vault-move; do
  [[ $(gunzip -c "$root/usr/share/man/man1/$page.1.gz") == *'.SH SYNOPSIS'* ]] || fail "$page.1 is no manual page"
done
[ "$(find "$root/usr/share/man/man1" -name '*.gz' | wc -l)" -ge 20 ] || fail "manual pages are missing"
run bash -c 'source "$1" && complete -p drawbridge' - "$root/usr/share/bash-completion/completions/drawbridge" >/dev/null || fail "bash takes no completion"
ok "manual pages, completion"

if [ "$PACKAGE_WINDOW" = yes ]; then
  # The window's libraries are this machine's, not in the empty root.
  "${installer[@]}" --force-depends --install packages/drawbridge-desktop_1.2.3-1_*.deb >"$work/log" 2>&1 || { cat "$work/log"; fail "the window's package does not install"; }
  missing=$(ldd "$root/usr/bin/drawbridge-desktop" | grep 'not found') && fail "the window lacks $missing"
  grep -q '^Exec=drawbridge-desktop' "$root/usr/share/applications/drawbridge.desktop" || fail "there is no desktop entry"
  [ -f "$root/usr/share/icons/hicolor/scalable/apps/drawbridge.svg" ] || fail "there is no icon"
  "${installer[@]}" --purge drawbridge-desktop >"$work/log" 2>&1 || { cat "$work/log"; fail "the window's package does not go"; }
  ok "window"
fi

"${installer[@]}" --purge drawbridge >"$work/log" 2>&1 || { cat "$work/log"; fail "it does not go"; }
left=$(find "$root" -type f ! -path '*/var/lib/dpkg/*')
[ -z "$left" ] || fail "left behind: $left"
grep -q drawbridge "$work/home/.codex/config.toml" || fail "a client's settings went with it"
ok "removed"

if command -v rpm >/dev/null; then
  [[ $(rpm -qlp packages/drawbridge-1.2.3-1.*.rpm) == */usr/bin/drawbridge$'\n'* ]] || fail "the .rpm brings no command"
  ok "rpm lists the command"
fi
