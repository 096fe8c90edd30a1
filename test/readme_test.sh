#!/usr/bin/env bash
# The README's programs are as it says: the first one is samples/readme_ex.cpp and prints what is
# shown; the server and the client compile unchanged, and talk to each other.
#   test/readme_test.sh SOURCE_TREE FOLDER_OF_THE_SAMPLES COMPILER LIBRARY [FLAGS...]
set -euo pipefail
source=$1 samples=$2 compiler=$3 library=$4
shift 4
work=$(mktemp -d)
pids=()
finish() {
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
  rm -rf "$work"
}
trap finish EXIT

# block N: the N-th fenced block of the README.
block() {
  awk -v wanted="$1" '/^```/ { if (open) { open = 0 } else { open = 1; ++n }; next }
                      open && n == wanted' "$source/README.md"
}
# The fenced block with a line that begins so.
block_with() {
  awk -v wanted="$1" '/^```/ { if (open && found) printf "%s", text; open = !open; text = ""; found = 0; next }
                      open { text = text $0 "\n"; if (index($0, wanted) == 1) found = 1 }' "$source/README.md"
}
same() {
  diff "$1" "$2" || { echo "README.md: $3" >&2; exit 1; }
}

block 1 >"$work/example.cpp"
same "$source/samples/readme_ex.cpp" "$work/example.cpp" "the first program is not readme_ex.cpp"
block 2 >"$work/shown"
"$samples/readme_ex" >"$work/printed"
same "$work/printed" "$work/shown" "the first program does not print that"

# Other runs of this test may be active.
region=valpool_readme_$$
for program in server client; do
  file=$work/$program.cpp
  block_with "// $program.cpp" | sed "s/\"region\"/\"$region\"/" >"$file"
  grep -q "// $program.cpp" "$file" || { echo "README.md: $program.cpp is not there" >&2; exit 1; }
  "$compiler" -std=c++17 "$@" -I"$source/include" "$file" "$library" -lboost_json -pthread \
    -Wl,-rpath,"$(dirname "$library")" -o "$work/$program"
done
"$work/server" 2>"$work/server.err" &
pids+=($!)
timeout 30 "$work/client" >"$work/client.out"
wait "${pids[0]}"
[ "$(wc -l <"$work/client.out")" = 100 ]
grep -q "^99: {'sequence_number': 99, 'name': 'packet'}$" "$work/client.out"
