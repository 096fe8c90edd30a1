#!/usr/bin/env bash
# Measures a bridge between two pools on this machine beside what its engine carries without valpool.
#   bench/bridge/run.sh [ROUNDS]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

rounds=${1:-3}
bash cmake/install-packages.sh libnats-dev cppzmq-dev libzmq3-dev libtomlplusplus-dev
bash cmake/unpack-package.sh nats-server build/nats-server usr/sbin/nats-server
bash cmake/unpack-package.sh libmsgpack-cxx-dev build/bench/msgpack usr/include/msgpack.hpp
cmake --preset release >/dev/null
cmake --build --preset release -j "$(nproc)" --target valpool_tool
valpool=build/release/tools/valpool/valpool
rate=build/bench/bridge_rate
# Against the build's own library, with the headers of MessagePack, which need no Boost.
g++ -O2 -std=c++20 -DMSGPACK_NO_BOOST -Iinclude -Isamples -isystem build/bench/msgpack/usr/include \
  bench/bridge/bridge_rate.cpp -o "$rate" build/release/lib/libvalpool.a -lnats -lzmq -lboost_json -pthread

work=$(mktemp -d)
pids=()
finish() {
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
  wait 2>/dev/null || true
  rm -rf "$work"
}
trap finish EXIT
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
url=nats://127.0.0.1:$port
near=bench_near_$$
far=bench_far_$$
build/nats-server/usr/sbin/nats-server -a 127.0.0.1 -p "$port" -js -sd "$work/broker" >"$work/log" 2>&1 &
pids+=($!)
broker=$!
for pool in $near $far; do
  "$valpool" main $pool 100000000 >/dev/null 2>&1 &
  pids+=($!)
done
sleep 1

# Processor time of these processes so far, in seconds.
used() { awk '{ sum += $14 + $15 } END { print sum / 100 }' $(printf '/proc/%s/stat ' "$@"); }

# measure NAME PACKETS BYTES: one line.
measure() {
  local name=$1 packets=$2 bytes=$3 bridge=() line began ended
  case $name in
    "valpool over NATS")
      # The stream may hold all of it, as that of the other contestant.
      "$valpool" bridge out $near lab --nats $url --subject b.$bytes --most-messages 100000000 2>/dev/null &
      bridge+=($!)
      "$valpool" bridge in $far lab --nats $url --subject b.$bytes --most-messages 100000000 \
        --capacity 256 2>/dev/null &
      bridge+=($!) ;;
    "valpool over ZeroMQ")
      "$valpool" bridge in $far lab --zeromq "ipc://$work/bridge" --capacity 256 2>/dev/null &
      bridge+=($!)
      "$valpool" bridge out $near lab --zeromq "ipc://$work/bridge" 2>/dev/null &
      bridge+=($!) ;;
  esac
  pids+=("${bridge[@]}")
  [ ${#bridge[@]} = 0 ] || sleep 1
  began=$(used "$broker" "${bridge[@]}")
  case $name in
    valpool*) line=$("$rate" valpool $near $far "$packets" "$bytes") ;;
    "NATS alone") line=$("$rate" nats $url "x$bytes" "$packets" "$bytes") ;;
    "ZeroMQ alone") line=$("$rate" zeromq "ipc://$work/alone" "ipc://$work/alone" "$packets" "$bytes") ;;
  esac
  ended=$(used "$broker" "${bridge[@]}")
  for pid in "${bridge[@]}"; do kill "$pid"; wait "$pid" 2>/dev/null || true; done
  "$valpool" pipe rm $near lab >/dev/null 2>&1 || true
  "$valpool" pipe rm $far lab >/dev/null 2>&1 || true
  echo "$name|$bytes|$line $(python3 -c "print(f'{($ended - $began) / $packets * 1e6:.1f}')")"
}

for round in $(seq "$rounds"); do
  for size in ${SIZES:-1000 100000}; do
    packets=$((size == 1000 ? 100000 : 4000))
    for name in "valpool over NATS" "NATS alone" "valpool over ZeroMQ" "ZeroMQ alone"; do
      measure "$name" $packets $size
    done
  done
done | tee "$work/lines" >&2

python3 - "$work/lines" <<'END'
import statistics, sys
rows = {}
for line in open(sys.argv[1]):
    name, size, figures = line.strip().split("|")
    rows.setdefault((int(size), name), []).append([float(f) for f in figures.split()])
print("| bytes | | packets/s, smallest, median, largest | MB/s | us of processor a packet: programs, bridge and broker |")
print("|---|---|---|---|---|")
for (size, name), runs in sorted(rows.items(), key=lambda r: r[0][0]):
    rates = sorted(r[0] for r in runs)
    middle = [statistics.median(r[i] for r in runs) for i in range(4)]
    print(f"| {size:,} | {name} | {rates[0]:,.0f}, {middle[0]:,.0f}, {rates[-1]:,.0f} | {middle[1]:.0f} "
          f"| {middle[2]:.1f}, {middle[3]:.1f} |")
END
