#!/usr/bin/env bash
# The dashboard in headless Chromium. Installs Debian's browser, and a driver for it from npm.
#   test/browser/run.sh [TOOL] [FOLDER for screenshots]     TOOL: default build/release/tools/valpool/valpool
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
tool=$(realpath "${1:-$root/build/release/tools/valpool/valpool}")
shots=${2:+$(realpath "$2")}

bash "$root/cmake/install-packages.sh" chromium
command -v node >/dev/null || bash "$root/cmake/install-packages.sh" nodejs
command -v npm >/dev/null || bash "$root/cmake/install-packages.sh" npm
work=$root/build/browser
mkdir -p "$work"
cp "$here/package.json" "$here/dashboard.mjs" "$work"
cd "$work"
[ -d node_modules/playwright-core ] || npm install --no-audit --no-fund --silent
node dashboard.mjs "$tool" "$(command -v chromium)" ${shots:+"$shots"}
