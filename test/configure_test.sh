#!/usr/bin/env bash
# The result of unusual CMake requests, without building anything: no build type, an unknown
# processor, 32 bits, a parent project.
#   test/configure_test.sh SOURCE_TREE CMAKE COMPILER
set -euo pipefail
source=$1 cmake=$2 compiler=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() {
  echo "FAILED: $*" >&2
  cat "$work/log" >&2
  exit 1
}

# configure SOURCE BUILD [ARGUMENTS...]
configure() {
  local from=$1 to=$2
  shift 2
  env -u CMAKE_BUILD_TYPE -u CXXFLAGS "$cmake" -G Ninja -S "$from" -B "$work/$to" \
    -DCMAKE_CXX_COMPILER="$compiler" -DCMAKE_EXPORT_COMPILE_COMMANDS=ON "$@" >"$work/log" 2>&1
}
only_the_library=(-DVALPOOL_BUILD_TESTS=OFF -DVALPOOL_BUILD_SAMPLES=OFF -DVALPOOL_BUILD_BENCH=OFF
  -DVALPOOL_BUILD_TOOLS=OFF)
# command_of BUILD SOURCE: how it is compiled.
command_of() { grep -e '"command":.*-c .*'"$2"'"' "$work/$1/compile_commands.json"; }

configure "$source" plain "${only_the_library[@]}" -DBUILD_SHARED_LIBS=ON \
  -DCMAKE_SYSTEM_NAME=Linux -DCMAKE_SYSTEM_PROCESSOR= || fail "a plain build"
[[ $(command_of plain cq.cpp) = *" -O2 "* ]] || fail "a plain build is not optimised"
[[ $(command_of plain ring.cpp) = *" -mcx16 "* ]] || fail "no -mcx16 for an unknown processor"

# The linker and find_package must agree on which versions are compatible.
grep -q "SONAME = libvalpool.so.0.1$" "$work/plain/build.ninja" || fail "another SONAME"
grep -q CVF_VERSION_MINOR "$work/plain/valpool-config-version.cmake" ||
  fail "minor versions are taken for compatible"

# Linking with a shared library needs nothing else; linking with static ones needs Boost.JSON.
grep -q "^Libs: -L\${libdir} -lvalpool -pthread$" "$work/plain/valpool.pc" || fail "Libs"
grep -q "^Libs.private: .*-lboost_json" "$work/plain/valpool.pc" || fail "Libs.private"

configure "$source" debug "${only_the_library[@]}" -DCMAKE_BUILD_TYPE=Debug || fail "a debug build"
[[ $(command_of debug cq.cpp) != *" -O2 "* ]] || fail "a build type that was given is not used"

! configure "$source" narrow "${only_the_library[@]}" -DCMAKE_CXX_FLAGS=-m32 \
  -DCMAKE_TRY_COMPILE_TARGET_TYPE=STATIC_LIBRARY || fail "32 bits are not refused"
tr -s '\n ' ' ' <"$work/log" | grep -q "valpool needs Linux on x86-64" || fail "unclear refusal"

# As part of another project: that project keeps control of its build type and its installed files,
# and its -Werror does not turn warnings in valpool's sources into errors.
mkdir "$work/parent"
cat >"$work/parent/CMakeLists.txt" <<END
cmake_minimum_required(VERSION 3.25)
project(parent LANGUAGES CXX)
add_compile_options(-Werror -Wuseless-cast)
set(BUILD_SHARED_LIBS ON)
add_subdirectory("$source" valpool)
END
configure "$work/parent" embedded || fail "embedded"
grep -q '^CMAKE_BUILD_TYPE:STRING=$' "$work/embedded/CMakeCache.txt" || fail "the parent's build type"
[[ $(command_of embedded cq.cpp) = *" -Werror "*" -Wno-error "* ]] || fail "the parent's errors"
! grep -q "\.so" "$work/embedded/valpool/cmake_install.cmake" "$work/embedded/valpool/lib/cmake_install.cmake" ||
  fail "installed without being asked to"
configure "$work/parent" installing -DVALPOOL_INSTALL=ON || fail "VALPOOL_INSTALL"
grep -q "libvalpool.so" "$work/installing/valpool/cmake_install.cmake" \
  "$work/installing/valpool/lib/cmake_install.cmake" || fail "not installed"
