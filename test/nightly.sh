#!/usr/bin/env bash
# The long storms, for a night: ten times as many kills at each kill point, every pair of deaths, random
# kills and damaged pools by the thousand, and steps through single instructions. Takes hours.
#   test/nightly.sh [PRESET]        PRESET: release (default), asan
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

preset=${1:-release}
bash cmake/install-packages.sh libnats-dev libzmq3-dev cppzmq-dev libtomlplusplus-dev python3 python3-cbor2 openssl \
  iproute2
# Before the build is configured: without a broker, the bridge's tests are left out.
bash cmake/unpack-package.sh nats-server build/nats-server usr/sbin/nats-server
nats_server=$PWD/build/nats-server/usr/sbin/nats-server
cmake --preset "$preset" >/dev/null
cmake --build --preset "$preset" -j "$(nproc)"

seed=${VALPOOL_SEED:-$(date +%s)}
echo "seed $seed"
VALPOOL_KILLS_PER_POINT=200 VALPOOL_RANDOM_ROUNDS=5000 VALPOOL_MUTATIONS=300000 VALPOOL_SEED=$seed \
  ctest --preset "$preset" -L 'crash|process|tool|sample' --timeout 36000
# Every point of a life before every point of a repair.
VALPOOL_KILLS_PER_POINT=8 VALPOOL_ALL_PAIRS=1 \
  ctest --preset "$preset" -R crash_kill_points --timeout 36000
# Counts instructions: there is no such test with a sanitizer.
[ "$preset" = asan ] || bash test/crash/step_full.sh "build/$preset"
# Two pools with a bad link and a broker between them, everything killed again and again.
VALPOOL_BRIDGE_PACKETS=3000000 bash samples/bridge.sh "build/$preset" "$nats_server" --chaos 1800
# The same over a link of the kernel's that is slow and cut, without kills and with them.
VALPOOL_BRIDGE_PACKETS=3000000 bash test/bridge/slow_link.sh "build/$preset" "$nats_server" 900
VALPOOL_BRIDGE_PACKETS=3000000 VALPOOL_BRIDGE_CHAOS=600 bash test/bridge/slow_link.sh "build/$preset" "$nats_server" 600
# The dashboard in a real browser.
bash test/browser/run.sh "build/$preset/tools/valpool/valpool"
