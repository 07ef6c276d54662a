#!/usr/bin/env bash
# Installs what a target needs and this machine lacks: system packages on Debian
# and Ubuntu, npm packages everywhere. A second run finds everything and is quick.
#
#   scripts/setup.sh core|desktop|package|test
#
# core     the lean binary and `drawbridge demo`: Go, a keychain
# desktop  core, and what the window is built from: GTK, WebKitGTK, npm packages
# package  desktop, and what makes the Windows installer and archive
# test     desktop, and what the tests run against: Chromium, a headless desktop
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf 'setup: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

what=${1:-core}
case $what in core | desktop | package | test) ;; *) die "usage: scripts/setup.sh core|desktop|package|test" ;; esac
wants_window() { [ "$what" != core ]; }

# --- Go and Node are the person's own ---------------------------------------

command -v go >/dev/null || die "Go is missing. Install Go 1.26 or newer: https://go.dev/dl/"
if wants_window; then
  command -v npm >/dev/null && command -v node >/dev/null || die "Node.js with npm is missing. Install Node 20.19 or newer: https://nodejs.org/"
  node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)' ||
    die "Node $(node --version) is too old: 20.19 or newer is needed."
fi

# --- System packages ---------------------------------------------------------

# has_keychain: this session has a Secret Service, running or startable.
has_keychain() {
  [ -n "${DBUS_SESSION_BUS_ADDRESS:-}" ] || [ -S "/run/user/$(id -u)/bus" ] || return 1
  command -v busctl >/dev/null || return 1
  [[ $'\n'$(busctl --user --timeout=2 --no-legend list 2>/dev/null) == *$'\n''org.freedesktop.secrets '* ]]
}

# has_chromium: any of the names that the tests look for.
has_chromium() { command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null; }

# has_candidate PACKAGE: apt knows a version of it.
# Not `| grep -q`: with pipefail, a writer that grep leaves behind fails the test.
has_candidate() { [[ $(LC_ALL=C apt-cache policy "$1" 2>/dev/null) == *"Candidate: "[^\(]* ]]; }

as_root() {
  if [ "$(id -u)" = 0 ]; then
    "$@"
  elif ! command -v sudo >/dev/null; then
    die "these packages need root, and there is no sudo. As root: apt-get install ${missing[*]}"
  elif [ -t 0 ]; then
    sudo "$@"
  else
    sudo -n "$@" || die "sudo asks for a password and nobody is there to type it. Run this once in a terminal: scripts/setup.sh $what"
  fi
}

# need WHY PACKAGE...: notes the packages that are not installed.
missing=()
reasons=()
need() {
  local why=$1 package status
  shift
  for package in "$@"; do
    status=${installed[$package]:-}
    [ "$status" = installed ] && continue
    missing+=("$package")
    reasons+=("  $package: $why")
  done
}

system_debian() {
  local core=(dbus gnome-keyring)
  local compiler=(gcc libc6-dev pkg-config)
  local rig=(chromium fonts-dejavu-core imagemagick libarchive-tools openbox redis-server wmctrl xclip xdotool xfce4-notifyd xfce4-panel xvfb)
  local webkit=(libwebkit2gtk-4.1-dev)
  local packagers=(nsis zip)
  local -A installed=()
  local package status
  while read -r package status; do
    installed[${package%%:*}]=$status
  done < <(dpkg-query -W -f='${Package} ${db:Status-Status}\n' "${core[@]}" "${compiler[@]}" "${rig[@]}" "${packagers[@]}" \
    libgtk-3-dev libwebkit2gtk-4.1-dev libwebkit2gtk-4.0-dev 2>/dev/null || true)

  if [ "$what" = test ] || ! has_keychain; then
    need "a keychain to keep tokens in (none is running here)" "${core[@]}"
  fi
  if wants_window; then
    [ "${installed[libwebkit2gtk-4.0-dev]:-}" = installed ] && webkit=()
    need "the window's C parts are compiled" "${compiler[@]}"
    need "the window" libgtk-3-dev "${webkit[@]}"
  fi
  if [ "$what" = package ]; then
    need "the Windows installer and archive" "${packagers[@]}"
  fi
  if [ "$what" = test ]; then
    has_chromium && rig=("${rig[@]:1}")
    need "the tests' browser, headless desktop and shared state" "${rig[@]}"
  fi
  [ ${#missing[@]} -gt 0 ] || return 0

  say "installing with apt-get:"
  printf '%s\n' "${reasons[@]}" >&2
  as_root env DEBIAN_FRONTEND=noninteractive apt-get update -qq -o Acquire::Retries=5 </dev/null
  local i
  for i in "${!missing[@]}"; do
    case ${missing[i]} in
      libwebkit2gtk-4.1-dev) has_candidate libwebkit2gtk-4.1-dev || missing[i]=libwebkit2gtk-4.0-dev ;;
      chromium)
        # Ubuntu's package only fetches a snap, which needs a running snapd.
        has_candidate chromium || die "there is no package 'chromium' here. Install Chromium or Chrome yourself, then try again."
        ;;
    esac
  done
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
    -o Acquire::Retries=5 -o DPkg::Lock::Timeout=600 -o Dpkg::Use-Pty=0 "${missing[@]}" </dev/null >&2
}

system_elsewhere() {
  local system
  system=$(uname -s)
  case $system in
    Darwin)
      wants_window && { xcode-select -p >/dev/null 2>&1 || die "The window needs Apple's command line tools: xcode-select --install"; }
      [ "$what" != test ] || say "the tests also need Chromium or Chrome; the headless desktop tests run on Linux only."
      ;;
    Linux)
      if wants_window && ! pkg-config --exists webkit2gtk-4.1 2>/dev/null && ! pkg-config --exists webkit2gtk-4.0 2>/dev/null; then
        die "The window needs a C compiler, pkg-config and the development files of GTK 3 and WebKitGTK 4.1 (Fedora: gcc gtk3-devel webkit2gtk4.1-devel; Arch: base-devel gtk3 webkit2gtk-4.1)."
      fi
      has_keychain || say "no Secret Service is running here: \`make run\` also needs dbus-run-session and gnome-keyring-daemon."
      [ "$what" != test ] || say "the tests also need: redis-server chromium Xvfb openbox xfce4-panel xfce4-notifyd xdotool wmctrl xclip bsdtar ImageMagick."
      ;;
    *) say "packages for $system are not installed by this script; README.md says what is needed." ;;
  esac
}

if [ "$(uname -s)" = Linux ] && command -v dpkg-query >/dev/null && command -v apt-get >/dev/null; then
  system_debian
else
  system_elsewhere
fi

# --- npm packages ------------------------------------------------------------

# npm_ci DIR WHY: installs what package-lock.json says, if it says something
# else than at the last time.
npm_ci() {
  local dir=$1 stamp=$1/node_modules/.drawbridge-lock
  [ -f "$dir/package-lock.json" ] || return 0
  cmp -s "$dir/package-lock.json" "$stamp" && return 0
  say "installing npm packages in $dir/: $2"
  (cd "$dir" && npm ci --no-audit --no-fund --loglevel=error --fetch-retries=5 </dev/null >&2)
  cp "$dir/package-lock.json" "$stamp"
}

wants_window && npm_ci frontend "the window's page is built"
[ "$what" != test ] || npm_ci test "the tests' identity provider, MCP servers and clients"
[ "$what" != test ] || npm_ci test/conformance "the official conformance suites"
[ "$what" != test ] || npm_ci test/eras "clients and servers of MCP 2026-07-28"
[ "$what" != test ] || npm_ci test/engines "another authorization server, Cloudflare's"
