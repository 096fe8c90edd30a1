#!/usr/bin/env bash
# Installs the built library, and builds and runs programs against it: by CMake and by pkg-config.
#   test/consumer/run.sh BUILD_TREE CMAKE COMPILER
set -euo pipefail

build=$1 cmake=$2 compiler=$3
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

"$cmake" --install "$build" --prefix "$work/prefix" >/dev/null
"$cmake" -S "$here" -B "$work/build" -DCMAKE_PREFIX_PATH="$work/prefix" \
  -DCMAKE_CXX_COMPILER="$compiler" >/dev/null
"$cmake" --build "$work/build" >/dev/null
[ "$("$work/build/consumer")" = "{'answer': 42}" ]
[ "$("$work/build/old_consumer")" = "{'sequence_number': 1}" ]

config=$(find "$work/prefix" -name valpool.pc)
# The file was made for another prefix: pkg-config is told where it is now.
flags=$(PKG_CONFIG_PATH=$(dirname "$config") pkg-config --define-prefix --cflags --libs valpool)
# shellcheck disable=SC2086
"$compiler" -std=c++17 "$here/consumer.cpp" $flags -o "$work/by_pkg_config"
[ "$("$work/by_pkg_config")" = "{'answer': 42}" ]
