#!/usr/bin/env bash
# Tests the layer check: it must fail for an include that points upwards, for a stray header, and
# for a public header without a forwarder.
#   test/layers_test.sh SOURCE_TREE
set -euo pipefail

copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
cp -r "$1/include" "$1/lib" "$copy"
check() { bash "$1/test/layers.sh" "$copy" >/dev/null 2>&1; }
must_notice() { # TREE WHAT
  ! check "$1" || { echo "$2 was not noticed" >&2; exit 1; }
}

check "$1" || { echo "the unchanged tree fails" >&2; exit 1; }

echo '#include "queue/ring.hpp"' >>"$copy/lib/alloc/slab.hpp"
must_notice "$1" "an upward include"
cp "$1/lib/alloc/slab.hpp" "$copy/lib/alloc/slab.hpp"

echo '#include <valpool/val.hpp>' >>"$copy/include/valpool/value/tab.hpp"
must_notice "$1" "a layer's header that includes a forwarding one"
cp "$1/include/valpool/value/tab.hpp" "$copy/include/valpool/value/tab.hpp"

echo '#include <valpool/stray/box.hpp>' >>"$copy/lib/boot/side.hpp"
must_notice "$1" "a header without a layer"
cp "$1/lib/boot/side.hpp" "$copy/lib/boot/side.hpp"

echo '#include "queue/ring.hpp"' >>"$copy/lib/bridge/sender.hpp"
must_notice "$1" "a bridge that includes what is not for users"
cp "$1/lib/bridge/sender.hpp" "$copy/lib/bridge/sender.hpp"

rm "$copy/include/valpool/tab.hpp"
must_notice "$1" "a public header without a forwarder"
