#!/usr/bin/env bash
# Sets a fresh Debian 12 up, builds the benchmarks, and measures everything, in rounds in which the
# contestants alternate. Writes report.md, results.json, plot.svg and the short headline.svg.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
usage="usage: bench/run.sh [options] [OUTPUT]
  OUTPUT            folder for the results (default build/bench-results)
  --quick           one short round: shows that everything works
  --only W4,W1      these workloads only
  --no-peers        without iceoryx, ZeroMQ, MessagePack, FlexBuffers and mimalloc: installs less
  --no-pinning      leaves processes on whatever processor they are
  --rounds N        how many rounds (default 5; medians are of these)
  --seconds S       about how long one measurement takes (default 0.4)
  --update-docs     also writes the results into bench/results/MACHINE.md, and the table of
                    targets in docs/performance.md
  --machine NAME    the name of that page (default: after the processor)"

refuse() {
  echo "bench/run.sh: $1" >&2
  echo "$usage" >&2
  exit 2
}

programs=(w1_record w2_ping_pong w3_array w4_nested w5_fan w6_memory w7_values w8_idle w9_recovery)
rounds=5
seconds=0.4
peers=ON
only=
options=()
report_options=()
output=$root/build/bench-results
while [ $# -gt 0 ]; do
  case $1 in
    --only | --rounds | --seconds | --machine) [ $# -gt 1 ] || refuse "$1 needs a value" ;;
  esac
  case $1 in
    --quick) rounds=1 seconds=0.05 options+=(--quick) ;;
    --only) only=${2,,}; shift ;;
    --no-peers) peers=OFF ;;
    --no-pinning) options+=(--no-pinning) ;;
    --rounds) rounds=$2; shift ;;
    --seconds) seconds=$2; shift ;;
    --update-docs) report_options+=(--update-docs) ;;
    --machine) report_options+=(--machine "$2"); shift ;;
    --help) echo "$usage"; exit 0 ;;
    -*) refuse "unknown option $1" ;;
    *) output=$1 ;;
  esac
  shift
done
[[ $rounds =~ ^[1-9][0-9]{0,3}$ ]] || refuse "--rounds: '$rounds' is no number of rounds"
[[ $seconds =~ ^([0-9]+\.?[0-9]*|\.[0-9]+)$ ]] || refuse "--seconds: '$seconds' is no number"
if [ -n "$only" ]; then
  chosen=()
  for workload in ${only//,/ }; do
    found=
    for program in "${programs[@]}"; do
      [[ $program != "$workload" && $program != "${workload}_"* ]] || found=$program
    done
    [ -n "$found" ] || refuse "--only: there is no workload '$workload'"
    chosen+=("$found")
  done
  programs=("${chosen[@]}")
fi
mkdir -p "$output"
output=$(cd "$output" && pwd)
cd "$root"

# What is about to be built, before anybody changes it.
if commit=$(git rev-parse --short HEAD 2>/dev/null); then
  git diff --quiet HEAD -- lib include bench ':!bench/results' || commit+=", with changes"
  report_options+=(--commit "$commit")
fi

packages=(libbenchmark-dev python3)
[ "$peers" = OFF ] ||
  packages+=(libzmq3-dev iceoryx libiceoryx-posh-dev libiceoryx-hoofs-dev libmimalloc-dev libflatbuffers-dev)
bash cmake/install-packages.sh "${packages[@]}"
[ "$peers" = OFF ] || bash cmake/unpack-package.sh libmsgpack-cxx-dev build/bench/msgpack usr/include/msgpack.hpp
cmake --preset bench -DVALPOOL_BUILD_BENCH_PEERS="$peers" >/dev/null
cmake --build --preset bench -j "$(nproc)"

# The program that runs now; when this script ends, it does, too, and what it made in /dev/shm goes.
running=
end_program() {
  [ -n "$running" ] || return 0
  kill "$running" 2>/dev/null || true
  wait "$running" || true
  rm -f /dev/shm/"valpool_bench_${running}_"*
}
trap end_program EXIT
trap 'exit 130' INT TERM

rm -f "$output"/round-*.jsonl "$output"/complaints.txt
has_failed=0
run_program() {
  "build/bench/bench/$1" "${@:2}" >>"$output/round-$round.jsonl" 2>>"$output/complaints.txt" &
  running=$!
  wait "$running" || { echo "$1 failed; see $output/complaints.txt" >&2; has_failed=1; }
  running=
}
SECONDS=0
runs=$((rounds * ${#programs[@]}))
run=0
for ((round = 0; round < rounds; ++round)); do
  # The report says of each machine how far apart its processors are.
  [[ " ${programs[*]} " = *" w2_ping_pong "* ]] ||
    run_program w2_ping_pong --round "$round" --seconds "$seconds" --only cache_line "${options[@]}"
  for program in "${programs[@]}"; do
    printf '%d of %d: %s, round %d of %d, %d:%02d since the start\n' $((++run)) "$runs" "$program" \
      $((round + 1)) "$rounds" $((SECONDS / 60)) $((SECONDS % 60))
    run_program "$program" --round "$round" --seconds "$seconds" "${options[@]}"
  done
done
printf 'Measured for %d:%02d\n' $((SECONDS / 60)) $((SECONDS % 60))
python3 -B bench/report.py "${report_options[@]}" "$output"
echo "See $output/report.md"
exit "$has_failed"
