#!/usr/bin/env bash
# Installs what is missing of what valpool is built with, on Debian 12. Further packages may be named.
set -euo pipefail

packages=(g++ cmake ninja-build pkg-config libboost1.81-dev libboost-json1.81-dev libboost-test1.81-dev
  libcli11-dev libzstd-dev liblz4-dev "$@")
missing=()
for package in "${packages[@]}"; do
  status=$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null || true)
  [ "$status" = installed ] || missing+=("$package")
done
[ "${#missing[@]}" -gt 0 ] || exit 0

as_root=()
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || { echo "install-packages: run as root, or install: ${missing[*]}" >&2; exit 1; }
  as_root=(sudo)
fi
echo "Installing ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! { "${as_root[@]}" apt-get update && "${as_root[@]}" apt-get install -y --no-install-recommends "${missing[@]}"; } >"$log" 2>&1; then
  cat "$log" >&2
  echo "install-packages: could not install ${missing[*]}" >&2
  exit 1
fi
