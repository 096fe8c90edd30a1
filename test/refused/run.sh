#!/usr/bin/env bash
# What must not compile does not compile, and its error says why; similar valid code compiles.
#   test/refused/run.sh SOURCE_TREE COMPILER
set -euo pipefail
source=$1 compiler=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() {
  echo "FAILED: $*" >&2
  cat "$work/errors" >&2
  exit 1
}

# compile FILE [FLAGS...]: writes the compiler's messages to $work/errors.
compile() {
  local file=$1
  shift
  "$compiler" -fsyntax-only -I"$source/include" "$@" "$source/test/refused/$file" 2>"$work/errors"
}

# errors_in FILE STANDARD: the errors must be exactly in the lines that are marked.
errors_in() {
  local limit=-fmax-errors=0
  ! "$compiler" --version | grep -q clang || limit=-ferror-limit=0
  ! compile "$1" -std=c++"$2" "$limit" || fail "$1 compiles"
  grep -n '// wrong$' "$source/test/refused/$1" | cut -d: -f1 >"$work/wrong"
  sed -nE "s|.*/$1:([0-9]+):[0-9]+: (fatal )?error:.*|\1|p" "$work/errors" | sort -nu >"$work/found"
  diff "$work/wrong" "$work/found" || fail "$1 with C++$2: other lines have errors than should"
}

for standard in 17 20; do
  errors_in none_is_a_macro.cpp "$standard"
  grep -q None_is_a_macro_here_write_Val "$work/errors" || fail "nothing says what to do"
  errors_in no_debug_flag.cpp "$standard"
done

compile other_macros.cpp -std=c++17 || fail "other macros do harm"
! compile other_macros.cpp -std=c++17 -DNone=0L || fail "None may be a macro"
grep -q "error.*None is a macro.*#undef None" "$work/errors" || fail "nothing says what to do"
[ "$(grep -c "error:" "$work/errors")" = 1 ] || fail "there is more than one error"

echo "#include <valpool/base/detail/config.hpp>" >"$work/config.cpp"
! "$compiler" -m32 -fsyntax-only -I"$source/include" "$work/config.cpp" 2>"$work/errors" ||
  fail "32 bits are not refused"
grep -q "error.*needs Linux on x86-64" "$work/errors" || fail "nothing says what is needed"
