#!/usr/bin/env bash
# Checks that every include points to its own layer or a lower one.
#   test/layers.sh SOURCE_TREE
set -euo pipefail
cd "$1"

# The layers, lowest first. Public headers are named here one by one: an unknown one is an error.
layers=(base segment alloc process object recovery value queue boot monitor all)
declare -A layer_of=(
  [valpool/error.hpp]=base [valpool/detail/config.hpp]=base [valpool/detail/break_checker.hpp]=base
  [valpool/thread.hpp]=base
  [valpool/shared_memory.hpp]=segment
  [valpool/streaming_pool.hpp]=alloc [valpool/circular_buffer.hpp]=alloc
  [valpool/detail/hold_state.hpp]=process
  [valpool/detail/box.hpp]=object [valpool/detail/box_lock.hpp]=object [valpool/detail/hold.hpp]=object
  [valpool/detail/mutation.hpp]=object [valpool/detail/out_ref.hpp]=object
  [valpool/detail/region.hpp]=object [valpool/detail/allocator.hpp]=object
  [valpool/types.hpp]=value [valpool/visit.hpp]=value [valpool/json.hpp]=value
  [valpool/parse.hpp]=value [valpool/big_int.hpp]=value [valpool/val.hpp]=value
  [valpool/tab.hpp]=value [valpool/array.hpp]=value [valpool/tup.hpp]=value
  [valpool/proxy.hpp]=value [valpool/it.hpp]=value [valpool/stringize.hpp]=value
  [valpool/check_shm.hpp]=value [valpool/detail/short_text.hpp]=value
  [valpool/detail/value_access.hpp]=value [valpool/detail/pack.hpp]=value
  [valpool/detail/table.hpp]=value [valpool/detail/table_entry.hpp]=value
  [valpool/detail/table_layout.hpp]=value
  [valpool/detail/type_table.hpp]=value [valpool/detail/type_rows.hpp]=value
  [valpool/cq.hpp]=queue
  [valpool/boot.hpp]=boot [valpool/shm_main.hpp]=boot [valpool/server_side.hpp]=boot
  [valpool/client_side.hpp]=boot
  [valpool/pool_check.hpp]=monitor
  [valpool/valpool.hpp]=all
)
for header in include/valpool/compat/*; do layer_of[${header#include/}]=all; done

rank() {
  local i
  for i in "${!layers[@]}"; do [ "${layers[$i]}" != "$1" ] || { echo "$i"; return; }; done
  echo unknown
}
layer() {  # of a path as it is included, or of a file
  case $1 in
    valpool/*) echo "${layer_of[$1]:-unknown}" ;;
    include/*) echo "${layer_of[${1#include/}]:-unknown}" ;;
    lib/*) cut -d/ -f2 <<<"$1" ;;
    *) cut -d/ -f1 <<<"$1" ;;
  esac
}

wrong=0
checked=0
while IFS=: read -r file _ line; do
  [[ $line =~ \#include\ *[\<\"]([^\>\"]+)[\>\"] ]] || continue
  included=${BASH_REMATCH[1]}
  own=$(layer "$file")
  case $included in
    valpool/* | base/* | segment/* | alloc/* | process/* | object/* | recovery/* | value/* | queue/* | \
      boot/* | monitor/*) ;;
    *) continue ;;  # the system's and Boost's
  esac
  other=$(layer "$included")
  checked=$((checked + 1))
  if [ "$(rank "$own")" = unknown ] || [ "$(rank "$other")" = unknown ]; then
    echo "$file includes $included: one of them has no layer" >&2
    wrong=1
  elif [ "$(rank "$own")" -lt "$(rank "$other")" ]; then
    echo "$file ($own) includes $included ($other), a higher layer" >&2
    wrong=1
  fi
done < <(grep -rnE '^ *# *include' include lib --include='*.hpp' --include='*.cpp' --include='*.h')
[ "$checked" -gt 50 ] || { echo "only $checked includes were found" >&2; exit 1; }
exit $wrong
