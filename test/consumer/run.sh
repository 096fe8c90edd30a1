#!/usr/bin/env bash
# Installs the built library, and builds and runs programs against it: by CMake and by pkg-config.
#   test/consumer/run.sh BUILD_TREE CMAKE COMPILER
set -euo pipefail

build=$1 cmake=$2 compiler=$3
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

"$cmake" --install "$build" --prefix "$work/first" >/dev/null
# The tree is moved after the installation: nothing in it may contain the old path.
mv "$work/first" "$work/prefix"
"$cmake" -S "$here" -B "$work/build" -DCMAKE_PREFIX_PATH="$work/prefix" \
  -DCMAKE_CXX_COMPILER="$compiler" >/dev/null
"$cmake" --build "$work/build" >"$work/log" 2>&1 || { cat "$work/log" >&2; exit 1; }
[ "$("$work/build/consumer")" = "{'answer': 42}" ]
[ "$("$work/build/old_consumer")" = "{'sequence_number': 1}" ]
[ "$("$work/build/debug_mode")" = ok ]

config=$(find "$work/prefix" -name valpool.pc)
pc() { PKG_CONFIG_PATH=$(dirname "$config") pkg-config "$@" valpool; }
[ "$(realpath "$(pc --variable=includedir)")" = "$(realpath "$work/prefix/include")" ]
[[ " $(pc --libs --static) " = *" -lboost_json "* ]]
flags=$(pc --cflags --libs)
rpath=-Wl,-rpath,$(pc --variable=libdir)
# shellcheck disable=SC2086
"$compiler" -std=c++17 "$here/consumer.cpp" $flags "$rpath" -o "$work/by_pkg_config"
[ "$("$work/by_pkg_config")" = "{'answer': 42}" ]
