#!/usr/bin/env bash
# Makes the Linux packages of the command, installs the .deb into an empty root of
# its own, runs what it brought, and removes it again. Nothing of this machine is
# changed. The .rpm is listed, and what is made for macOS is looked into.
# PACKAGE_WINDOW=yes does the same with the window's packages, which take the page as it was built last.
set -euo pipefail
cd "$(dirname "$0")/.."
sources=$PWD
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() { printf 'FAIL: %s\n' "$*" >&2; exit 1; }
ok() { printf 'ok: %s\n' "$*"; }

command -v dpkg >/dev/null || fail "dpkg is missing"
[ "$(id -u)" = 0 ] || [ -z "${CI:-}" ] || fail "dpkg needs root"
export PACKAGE_WINDOW=${PACKAGE_WINDOW:-no} PACKAGES=$work/packages VERSION=1.2.3
scripts/package.sh linux macos
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
[[ $(run drawbridge serve --state redis://127.0.0.1:1 2>&1) == *127.0.0.1:1* ]] || fail "serve --state does not get as far as the store"
ok "version, add, install, clients, demo, serve --state"

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
  grep -q '^MimeType=.*x-scheme-handler/drawbridge;' "$root/usr/share/applications/drawbridge.desktop" || fail "the entry takes no links"
  if command -v desktop-file-validate >/dev/null; then
    desktop-file-validate "$root/usr/share/applications/drawbridge.desktop" || fail "the desktop entry is not valid"
  fi
  [ -f "$root/usr/share/icons/hicolor/scalable/apps/drawbridge.svg" ] || fail "there is no icon"
  [[ $(gunzip -c "$root/usr/share/man/man1/drawbridge-desktop.1.gz") == *'Drawbridge 1.2.3'*'.SH SYNOPSIS'* ]] || fail "the window has no manual page"
  if command -v Xvfb >/dev/null && command -v xdotool >/dev/null; then
    DRAWBRIDGE_SESSION_LOGS=$work/session "$sources/test/sessions/desktop-session.sh" bash -c '
      export PATH=$1/usr/bin:$PATH DRAWBRIDGE_CONFIG_DIR=$2/config DRAWBRIDGE_STATE_DIR=$2/state
      drawbridge-desktop & window=$!
      for ((i = 0; i < 1200; i++)); do
        xdotool search --onlyvisible --name "^Drawbridge$" >/dev/null 2>&1 && drawbridge status >/dev/null 2>&1 && break
        sleep 0.1
      done
      drawbridge agent stop; stopped=$?
      kill $window 2>/dev/null; wait $window
      [ $i -lt 1200 ] && [ $stopped = 0 ]' - "$root" "$work/window" >"$work/log" 2>&1 || { cat "$work/log"; fail "the window does not come up with an agent"; }
    ok "the window runs, and the agent that it starts"
  fi
  "${installer[@]}" --purge drawbridge-desktop >"$work/log" 2>&1 || { cat "$work/log"; fail "the window's package does not go"; }
  ok "window"
fi

"${installer[@]}" --purge drawbridge >"$work/log" 2>&1 || { cat "$work/log"; fail "it does not go"; }
left=$(find "$root" -type f ! -path '*/var/lib/dpkg/*')
[ -z "$left" ] || fail "left behind: $left"
grep -q drawbridge "$work/home/.codex/config.toml" || fail "a client's settings went with it"
ok "removed"

# lists FILE: what a package holds, one path a line, whichever program can tell.
lists() {
  if command -v rpm >/dev/null; then rpm -qlp "$1"
  elif command -v bsdtar >/dev/null; then bsdtar -tf "$1" | sed 's|^\./|/|'
  else return 1; fi
}
# holds FILE PATH...: fails unless FILE, a package or an archive, has each path.
holds() {
  local file=$1 content path
  shift
  case $file in
    *.rpm) content=$(lists "$file") ;;
    *) content=$(tar -tzf "$file" | sed 's|^\./|/|') ;;
  esac
  for path in "$@"; do
    grep -qx "$path" <<<"$content" || fail "$(basename "$file") has no $path; it has: $content"
  done
}
if command -v rpm >/dev/null || command -v bsdtar >/dev/null; then
  holds packages/drawbridge-1.2.3-1.*.rpm /usr/bin/drawbridge /usr/bin/drawbridge-demo /usr/bin/drawbridge-replica /usr/share/man/man1/drawbridge.1.gz \
    /usr/share/man/man1/drawbridge-install.1.gz /usr/share/bash-completion/completions/drawbridge \
    /usr/share/zsh/site-functions/_drawbridge /usr/share/fish/vendor_completions.d/drawbridge.fish
  [ "$PACKAGE_WINDOW" != yes ] || holds packages/drawbridge-desktop-1.2.3-1.*.rpm /usr/bin/drawbridge-desktop \
    /usr/share/man/man1/drawbridge-desktop.1.gz /usr/share/applications/drawbridge.desktop /usr/share/icons/hicolor/scalable/apps/drawbridge.svg /usr/share/pixmaps/drawbridge.png
  ok "what the .rpm holds"
fi

for cpu in arm64 amd64; do
  holds "packages/drawbridge-1.2.3-macos-$cpu.tar.gz" /bin/drawbridge /bin/drawbridge-demo /bin/drawbridge-replica \
    /share/man/man1/drawbridge.1 /LICENSE
done
layout=packages/Drawbridge-layout-1.2.3-macos.tar.gz
inside=/Drawbridge.app/Contents
holds "$layout" $inside/Info.plist $inside/PkgInfo $inside/MacOS/drawbridge $inside/MacOS/drawbridge-demo $inside/MacOS/drawbridge-replica \
  $inside/Resources/drawbridge.icns $inside/Resources/dev.drawbridge.agent.plist
mkdir app && tar -xzf "$layout" -C app
if command -v python3 >/dev/null; then
  python3 - app$inside <<'END' || fail "the app's property lists"
import plistlib, sys
folder = sys.argv[1]
info = plistlib.load(open(folder + "/Info.plist", "rb"))
assert info["CFBundleShortVersionString"] == info["CFBundleVersion"] == "1.2.3", info
assert info["CFBundleURLTypes"][0]["CFBundleURLSchemes"] == ["drawbridge"], info
icon = open(folder + "/Resources/" + info["CFBundleIconFile"], "rb").read()
assert icon[:4] == b"icns" and int.from_bytes(icon[4:8], "big") == len(icon), icon[:8]
assert plistlib.load(open(folder + "/Resources/dev.drawbridge.agent.plist", "rb"))["RunAtLoad"] is True
END
fi
[[ $(head -c4 app$inside/MacOS/drawbridge | od -An -tx1) == *"cf fa ed fe"* ]] || fail "the app's command is no Mach-O program"
ok "what is made for macOS"
