#!/usr/bin/env bash
# Recordings are read by the format's official reader, @mcap/core. Skipped (77) where npm cannot get it.
#   official_reader.sh WRITE_RECORDING FOLDER
set -euo pipefail
write_recording=$1
modules=$2/official_reader
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

mkdir -p "$modules"
if [ ! -d "$modules/node_modules/@mcap/support" ]; then
  npm install --prefix "$modules" --no-audit --no-fund --ignore-scripts @mcap/core@2 @mcap/support@1 \
    >"$modules/npm.log" 2>&1 || { echo "npm could not get @mcap/core; see $modules/npm.log"; exit 77; }
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for compression in zstd lz4 none; do
  "$write_recording" "$work/a.mcap" "$compression" >"$work/expected"
  node "$here/official_reader.mjs" "$modules" "$work/a.mcap" >"$work/found"
  cmp "$work/expected" "$work/found"
done
# A file that was cut off is no whole file to that reader, and is one after `rec recover` (process_recording).
head -c 5000 "$work/a.mcap" >"$work/cut.mcap"
if node "$here/official_reader.mjs" "$modules" "$work/cut.mcap" >/dev/null 2>&1; then
  echo "the official reader takes a cut file for a whole one" >&2
  exit 1
fi
