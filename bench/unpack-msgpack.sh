#!/usr/bin/env bash
# Debian's package of msgpack-cxx wants another Boost than valpool's, and both cannot be installed. Its headers
# do without Boost, so they are only unpacked.
#   bench/unpack-msgpack.sh FOLDER
set -euo pipefail
folder=$1
[ ! -e "$folder/usr/include/msgpack.hpp" ] || exit 0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"  # apt downloads as a user of its own
(cd "$work" && apt-get download libmsgpack-cxx-dev) >"$work/log" 2>&1 ||
  { cat "$work/log" >&2; echo "unpack-msgpack: could not download libmsgpack-cxx-dev" >&2; exit 1; }
mkdir -p "$folder"
dpkg-deb -x "$work"/libmsgpack-cxx-dev_*.deb "$folder"
