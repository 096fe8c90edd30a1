#!/usr/bin/env bash
# Tests the layer check: it must fail for an include that points upwards, and for a stray header.
#   test/layers_test.sh SOURCE_TREE
set -euo pipefail

copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
cp -r "$1/include" "$1/lib" "$copy"
check() { bash "$1/test/layers.sh" "$copy" >/dev/null 2>&1; }

check "$1" || { echo "the unchanged tree fails" >&2; exit 1; }
echo '#include "queue/ring.hpp"' >>"$copy/lib/alloc/slab.hpp"
! check "$1" || { echo "an upward include was not noticed" >&2; exit 1; }
cp "$1/lib/alloc/slab.hpp" "$copy/lib/alloc/slab.hpp"
echo '#include <valpool/stray.hpp>' >>"$copy/lib/boot/side.hpp"
! check "$1" || { echo "a header without a layer was not noticed" >&2; exit 1; }
