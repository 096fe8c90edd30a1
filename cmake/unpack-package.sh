#!/usr/bin/env bash
# Unpacks a package of Debian's without installing it: one that wants another Boost than valpool's, or that
# would start a service.
#   cmake/unpack-package.sh PACKAGE FOLDER [FILE_THAT_SHOWS_THAT_IT_IS_THERE]
set -euo pipefail
package=$1
folder=$2
[ -z "${3:-}" ] || [ ! -e "$folder/$3" ] || exit 0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"  # apt downloads as a user of its own
download() { (cd "$work" && apt-get download "$package") >"$work/log" 2>&1; }
if ! download; then
  # A new machine has no lists of packages yet.
  { [ "$(id -u)" -eq 0 ] && apt-get update >>"$work/log" 2>&1 && download; } ||
    { cat "$work/log" >&2; echo "unpack-package: could not download $package" >&2; exit 1; }
fi
mkdir -p "$folder"
dpkg-deb -x "$work/$package"_*.deb "$folder"
