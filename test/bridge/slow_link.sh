#!/usr/bin/env bash
# Two pools, a bridge and a broker in a network of their own, whose link is slow for a while, then cut, then slow in
# another way: each packet crosses once, in order. Ends with 77 (skipped) where a network of one's own is not permitted.
#   test/bridge/slow_link.sh BUILD_FOLDER NATS_SERVER [SECONDS]
# The environment is that of samples/bridge.sh: VALPOOL_BRIDGE_PACKETS, and VALPOOL_BRIDGE_CHAOS for kills besides.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
seconds=${3:-15}

skip() { echo "slow_link: skipped: $1"; exit 77; }
if [ -z "${VALPOOL_OWN_NETWORK:-}" ]; then
  command -v unshare tc ip >/dev/null || skip "it needs unshare, ip and tc (Debian: util-linux, iproute2)"
  own_network=(unshare --net)
  [ "$(id -u)" = 0 ] || own_network+=(--map-root-user)
  "${own_network[@]}" bash -c 'ip link set lo up && tc qdisc add dev lo root tbf rate 1mbit burst 32kb latency 50ms' \
    2>/dev/null || skip "a network of one's own, or tc's tbf in it, is not permitted"
  VALPOOL_OWN_NETWORK=yes exec "${own_network[@]}" bash "$0" "$@"
fi

seed=${VALPOOL_SEED:-$RANDOM}
echo "slow_link: seed $seed"
RANDOM=$seed
# As on a wire: what is longer goes in several pieces, each of which can be lost.
ip link set lo mtu 1500 up
bash "$here/../../samples/bridge.sh" "$1" "$2" &
crossing=$!
trap 'kill $crossing 2>/dev/null || true' EXIT

# What does not fit a slow link's queue is dropped.
slow() {
  tc qdisc replace dev lo root tbf rate "$1" burst 32kb latency "$2"
  slowed=$((slowed + 1))
}
cut_for() {
  ip link set lo down
  sleep "$1"
  ip link set lo up
  cuts=$((cuts + 1))
}
rates=(1mbit 2mbit 5mbit 10mbit 20mbit 50mbit)
slowed=0
cuts=0
end=$((SECONDS + seconds))
while [ $SECONDS -lt $end ] && kill -0 $crossing 2>/dev/null; do
  slow "${rates[RANDOM % ${#rates[@]}]}" "$((20 + RANDOM % 300))ms"
  sleep "$((RANDOM % 3)).$((RANDOM % 10))"
  # Sometimes so long that both ends give the connection up.
  [ $((RANDOM % 2)) = 0 ] || cut_for "$((RANDOM % 4 * (RANDOM % 3))).$((1 + RANDOM % 9))"
done
still_crossing=no
! kill -0 $crossing 2>/dev/null || still_crossing=yes
tc qdisc del dev lo root
wait $crossing
echo "the link was slowed $slowed times and cut $cuts times"
[ $still_crossing = yes ] || { echo "slow_link: the packets were through too early to show anything" >&2; exit 1; }
