#!/usr/bin/env bash
# The disk of the broker is full for a while (a small file system in a mount namespace of its own): `why` says that
# nothing gets on, and each packet crosses once, in order, when there is room again and the broker has been killed and
# started. Ends with 77 (skipped) where a mount of one's own is not permitted.
# By hand: how long the broker takes to come to itself varies.
#   test/bridge/full_disk.sh BUILD_FOLDER NATS_SERVER
set -euo pipefail
if [ -z "${VALPOOL_OWN_MOUNTS:-}" ]; then
  own_mounts=(unshare --mount)
  [ "$(id -u)" = 0 ] || own_mounts+=(--map-root-user)
  "${own_mounts[@]}" mount -t tmpfs none /mnt 2>/dev/null ||
    { echo "full_disk: skipped: a file system of one's own is not permitted"; exit 77; }
  VALPOOL_OWN_MOUNTS=yes exec "${own_mounts[@]}" bash "$0" "$@"
fi
valpool=$1/tools/valpool/valpool
bridge_ex=$1/samples/bridge_ex
nats_server=$2
packets=30000
near=valpool_disk_near_$$
far=valpool_disk_far_$$
work=$(mktemp -d)
pids=()
broker=none
finish() {
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
  kill -KILL "$broker" 2>/dev/null || true  # which may hang
  wait 2>/dev/null || true
  umount -l "$work/disk" || true
  rm -rf "$work"
}
trap finish EXIT
fail() { echo "full_disk: $1" >&2; tail -n 5 "$work"/*.log >&2; exit 1; }
# eventually WHAT COMMAND...: tries the command for half a minute.
eventually() {
  for _ in $(seq 150); do
    ! "${@:2}" >/dev/null 2>&1 || return 0
    sleep 0.2
  done
  fail "$1"
}
# says TEXT COMMAND...: whatever the command returns.
says() {
  local text
  text=$("${@:2}") || true
  [[ $text == *"$1"* ]]
}

mkdir "$work/disk"
mount -t tmpfs -o size=64m none "$work/disk"
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
start_broker() {
  "$nats_server" -a 127.0.0.1 -p "$port" -js -sd "$work/disk" >>"$work/broker.log" 2>&1 &
  broker=$!
  pids+=("$broker")
}
start_broker
for pool in $near $far; do
  "$valpool" main $pool 20000000 >/dev/null 2>&1 &
  pids+=($!)
done
route() {
  cat <<END_OF_ROUTE
[nats]
url = "nats://127.0.0.1:$port"
[[route]]
direction = "$1"
pool = "$2"
pipe = "lab"
subject = "a.b"
most_bytes = 30000000
END_OF_ROUTE
}
route out $near >"$work/out.toml"
route in $far >"$work/in.toml"
"$valpool" bridge run "$work/out.toml" 2>"$work/out.log" &
pids+=($!)
# The first packets make the pipe, and the route its stream; then something else takes most of the room.
"$bridge_ex" send $near lab 100 2>"$work/send.log"
eventually "the route does not start" grep -q carries "$work/out.log"
head -c 56M /dev/zero >"$work/disk/something_else"
"$bridge_ex" send $near lab $packets 2>"$work/send.log" &
pids+=($!)
eventually "why does not tell that nothing gets on" says "has been confirmed for" "$valpool" why $near

"$valpool" bridge run "$work/in.toml" 2>"$work/in.log" &
pids+=($!)
"$bridge_ex" receive $far lab $packets --log "$work/received" 2>"$work/receive.log" &
receiver=$!
pids+=("$receiver")
sleep 1
rm "$work/disk/something_else"
# nats-server 2.9.10 sometimes hangs since its disk was full.
kill -KILL "$broker"
start_broker
eventually "not all packets have come" grep -q "^$packets " "$work/received"
wait $receiver || fail "the receiver has failed"
[ "$(cut -d' ' -f1 "$work/received")" = "$(seq $packets)" ] || fail "the packets are not as they were sent"
echo "$packets packets crossed, in order, each once, over a disk that was full"
