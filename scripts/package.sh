#!/usr/bin/env bash
# make package: what people install, into bin/packages. The parts, all unless
# some are named:
#
#   scripts/package.sh [linux] [windows] [macos] [sbom]
#
# linux     .deb and .rpm of the command and the window, a .tar.gz of the command
# windows   a .zip, and the installer when makensis is there
# macos     a .tar.gz of the command; the app's layout, with the window only on macOS
# sbom      the software bill of materials of each binary (CycloneDX)
#
# SHA256SUMS is written each time. VERSION=1.2.3 chooses the version. The same
# commit gives the same packages: times are the commit's.
set -euo pipefail
cd "$(dirname "$0")/.."

parts=("$@")
[ $# -gt 0 ] || parts=(linux windows macos sbom)
out=${PACKAGES:-$PWD/bin/packages}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$out"
say() { printf 'package: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }
wants() { [[ " ${parts[*]} " == *" $1 "* ]]; }
for part in "${parts[@]}"; do
  case $part in linux | windows | macos | sbom) ;; *) die "there is no part $part" ;; esac
done

# A tag v1.2.3 is version 1.2.3; between tags a version that sorts below the next.
described=$(git describe --tags --always --dirty 2>/dev/null || echo dev)
version=${VERSION:-}
if [ -z "$version" ]; then
  case $described in
    v[0-9]*-*-g*) version=${described#v}; version=${version/-/+}; version=${version//-/.} ;;
    v[0-9]*) version=${described#v} ;;
    *) version=0.0.0~git$(git log -1 --format=%cd --date=format:%Y%m%d 2>/dev/null || echo 0).${described//-/.} ;;
  esac
fi
[[ $version =~ ^[0-9][0-9A-Za-z.+~]*$ ]] || die "$version is no version that every package form takes: digits, letters, . + ~"
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || echo 0)}
export SOURCE_DATE_EPOCH

arch=$(go env GOARCH)
flags=(-trimpath -buildvcs=false -ldflags "-s -w -X main.version=$version")
tool() { go tool -modfile=tools/go.mod "$@"; }
# lean FOLDER [SUFFIX]: the command, and beside it its demo and what `serve --state`
# starts, which look for each other there.
lean() {
  local tag
  for tag in '' -demo -replica; do
    CGO_ENABLED=0 go build "${flags[@]}" -tags "${tag#-}" -o "$1/drawbridge$tag${2:-}" .
  done
}
# packed NAME FOLDER: FOLDER as NAME.tar.gz, the same bytes for the same content.
packed() {
  tar -C "$2" --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$SOURCE_DATE_EPOCH" -cf - . | gzip -9n >"$out/$1.tar.gz"
}
# documents FOLDER BINARY: manual and completions, made by the command itself.
documents() {
  local program=$2 page
  mkdir -p "$1"/share/{man/man1,bash-completion/completions,zsh/site-functions,zsh/vendor-completions,fish/vendor_completions.d}
  go run -buildvcs=false ./build/man -version "$version" -dir "$1/share/man/man1"
  for page in "$1"/share/man/man1/*.1; do gzip -9n "$page"; done
  "$program" completion bash >"$1/share/bash-completion/completions/drawbridge"
  "$program" completion zsh >"$1/share/zsh/site-functions/_drawbridge"
  cp "$1/share/zsh/site-functions/_drawbridge" "$1/share/zsh/vendor-completions/" # Debian's name for it
  "$program" completion fish >"$1/share/fish/vendor_completions.d/drawbridge.fish"
}

make_linux() {
  [ "$(go env GOOS)" = linux ] || die "the Linux packages are made on Linux"
  local tree=$work/tree package name
  mkdir -p "$tree"/drawbridge/usr/{bin,share/doc/drawbridge}
  lean "$tree/drawbridge/usr/bin"
  documents "$tree/drawbridge/usr" "$tree/drawbridge/usr/bin/drawbridge"
  cp LICENSE "$tree/drawbridge/usr/share/doc/drawbridge/copyright"
  gzip -9nc CHANGELOG.md >"$tree/drawbridge/usr/share/doc/drawbridge/changelog.gz"
  packed "drawbridge-$version-linux-$arch" "$tree/drawbridge/usr"

  local packages=(drawbridge)
  if [ "${PACKAGE_WINDOW:-yes}" = yes ]; then
    packages+=(drawbridge-desktop)
    local desktop=$tree/drawbridge-desktop/usr
    mkdir -p "$desktop"/{bin,share/applications,share/{man/man1,pixmaps,icons/hicolor/scalable/apps},share/doc/drawbridge-desktop}
    go build "${flags[@]}" -tags "$(scripts/window-tags.sh)" -o "$desktop/bin/drawbridge-desktop" .
    cp build/linux/drawbridge.desktop "$desktop/share/applications/drawbridge.desktop"
    cp build/appicon.svg "$desktop/share/icons/hicolor/scalable/apps/drawbridge.svg"
    cp build/appicon.png "$desktop/share/pixmaps/drawbridge.png"
    sed "s/@VERSION@/$version/" build/linux/drawbridge-desktop.1 | gzip -9n >"$desktop/share/man/man1/drawbridge-desktop.1.gz"
    cp LICENSE "$desktop/share/doc/drawbridge-desktop/copyright"
  fi
  find "$tree" -type d -exec chmod 755 {} +
  find "$tree" -type f ! -path '*/bin/*' -exec chmod 644 {} +
  find "$tree" -path '*/bin/*' -type f -exec chmod 755 {} +
  export PACKAGE_ARCH=$arch PACKAGE_VERSION=$version PACKAGE_TREE=$tree
  for name in "${packages[@]}"; do
    for package in deb rpm; do
      tool nfpm package --config "build/linux/nfpm.$name.yaml" --packager "$package" --target "$out/" >"$work/nfpm.log" 2>&1 || { cat "$work/nfpm.log" >&2; die "nfpm made no $package of $name"; }
    done
  done
}

make_windows() {
  local files=$work/windows
  mkdir -p "$files"
  GOOS=windows GOARCH=amd64 lean "$files" .exe
  GOOS=windows GOARCH=amd64 CGO_ENABLED=0 go build -trimpath -buildvcs=false -tags desktop,production \
    -ldflags "-s -w -H windowsgui -X main.version=$version" -o "$files/drawbridge-desktop.exe" .
  cp LICENSE "$files/"
  find "$files" -exec touch -d "@$SOURCE_DATE_EPOCH" {} +
  if command -v zip >/dev/null; then
    rm -f "$out/drawbridge-$version-windows-amd64.zip"
    (cd "$files" && TZ=UTC zip -qX9 "$out/drawbridge-$version-windows-amd64.zip" ./*)
  else
    say "zip is missing: no .zip for Windows"
  fi
  if command -v makensis >/dev/null; then
    # The version of a file has four numbers.
    local four=${version%%[!0-9.]*}
    while [[ $four != *.*.*.* ]]; do four+=.0; done
    makensis -V2 -DVERSION="$version" -DFOURPART="$four" -DFILES="$files" -DICON="$PWD/build/windows/icon.ico" \
      -DOUT="$out/drawbridge-$version-windows-setup.exe" build/windows/installer.nsi >&2
  else
    say "makensis is missing: no installer for Windows"
  fi
}

# be32 N: four bytes, the highest first.
be32() { printf "\\x$(printf %02x $(($1 >> 24 & 255)))\\x$(printf %02x $(($1 >> 16 & 255)))\\x$(printf %02x $(($1 >> 8 & 255)))\\x$(printf %02x $(($1 & 255)))"; }

# icns PNG: an icon file that holds a PNG of 256 (ic08), 512 (ic09) or 1024 (ic10) pixels.
icns() {
  local size width kind
  size=$(wc -c <"$1")
  width=$((16#$(od -An -tx1 -j16 -N4 "$1" | tr -d ' \n')))
  case $width in 256) kind=ic08 ;; 512) kind=ic09 ;; 1024) kind=ic10 ;; *) die "$1 is $width pixels wide" ;; esac
  printf icns; be32 $((size + 16)); printf %s "$kind"; be32 $((size + 8)); cat "$1"
}

make_macos() {
  local cpu app=$work/app/Drawbridge.app files
  for cpu in arm64 amd64; do
    files=$work/macos-$cpu
    mkdir -p "$files/bin"
    GOOS=darwin GOARCH=$cpu lean "$files/bin"
    go run -buildvcs=false ./build/man -version "$version" -dir "$files/share/man/man1"
    cp LICENSE "$files/"
    packed "drawbridge-$version-macos-$cpu" "$files"
  done
  mkdir -p "$app/Contents/MacOS" "$app/Contents/Resources"
  sed "s/@VERSION@/${version%%[!0-9.]*}/" build/macos/Info.plist >"$app/Contents/Info.plist"
  printf 'APPL????' >"$app/Contents/PkgInfo"
  icns build/appicon.png >"$app/Contents/Resources/drawbridge.icns"
  cp build/macos/dev.drawbridge.agent.plist "$app/Contents/Resources/"
  cp LICENSE "$app/Contents/Resources/"
  cp "$work/macos-arm64/bin/"* "$app/Contents/MacOS/"
  if [ "$(go env GOOS)" = darwin ]; then
    go build "${flags[@]}" -tags desktop,production -o "$app/Contents/MacOS/drawbridge-desktop" .
    packed "Drawbridge-$version-macos-$(go env GOARCH).app" "$work/app"
  else
    say "the window for macOS is built on macOS only: the app's layout without it is in Drawbridge-layout"
    packed "Drawbridge-layout-$version-macos" "$work/app"
  fi
}

# The page bundles packages that npm calls development ones: all are listed.
make_sbom() {
  local tags
  tool cyclonedx-gomod app -json -licenses -std -main . -output "$out/drawbridge-$version.cdx.json" .
  tags=$(scripts/window-tags.sh)
  GOFLAGS=-tags=demo tool cyclonedx-gomod app -json -licenses -main . -output "$out/drawbridge-demo-$version.cdx.json" .
  GOFLAGS=-tags=replica tool cyclonedx-gomod app -json -licenses -main . -output "$out/drawbridge-replica-$version.cdx.json" .
  GOFLAGS="-tags=$tags" tool cyclonedx-gomod app -json -licenses -main . -output "$out/drawbridge-desktop-$version.cdx.json" .
  (cd frontend && npm sbom --sbom-format cyclonedx) >"$out/drawbridge-desktop-page-$version.cdx.json"
}

for part in "${parts[@]}"; do
  say "$part, version $version"
  "make_$part"
done
(cd "$out" && find . -maxdepth 1 -type f ! -name SHA256SUMS -printf '%P\n' | LC_ALL=C sort | xargs -d '\n' sha256sum >"$work/sums" && mv "$work/sums" SHA256SUMS)
ls -l "$out" >&2
