#!/usr/bin/env bash
# Sets up a fresh Debian 12, builds everything, and runs all tests.
#   test/run.sh [PRESET] [ctest arguments]        PRESET: release (default), dev, asan, tsan, clang
# With `-L unit` as ctest's arguments, or `-L 'unit|process|crash'`, it builds only what these tests need. The label
# `tool` has the tests of the command, of recordings and of the bridge.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

preset=release
if [ $# -gt 0 ] && [[ $1 != -* ]]; then
  preset=$1
  shift
fi
extra=()
[ "$preset" != clang ] || extra=(clang)
[ "$preset" != release ] || extra=(valgrind python3-cbor2 iproute2)
# The bridge to other hosts, and a broker for its tests.
[ "$preset" = tsan ] || extra+=(libnats-dev libzmq3-dev cppzmq-dev libtomlplusplus-dev python3 openssl)
bash cmake/install-packages.sh "${extra[@]}"
[ "$preset" = tsan ] || bash cmake/unpack-package.sh nats-server build/nats-server usr/sbin/nats-server
cmake --preset "$preset" >/dev/null
targets=()
if [ "${1:-}" = -L ] && [[ "$*" =~ ^-L\ (unit|process|crash|tool)(\|(unit|process|crash|tool))*$ ]]; then
  targets=(--target)
  for label in ${2//|/ }; do targets+=("${label}_tests"); done
fi
cmake --build --preset "$preset" -j "$(nproc)" "${targets[@]}"
# One at a time: the tests start processes of their own, and some measure waits.
ctest --preset "$preset" "$@"
