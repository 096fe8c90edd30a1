#!/usr/bin/env bash
# Carries packets from one pool to another with built programs.
#   samples/bridge.sh BUILD_FOLDER NATS_SERVER [--chaos [SECONDS]]
set -euo pipefail
here=$(dirname "${BASH_SOURCE[0]}")
samples=$1/samples
valpool=$1/tools/valpool/valpool
nats_server=$2
chaos=${VALPOOL_BRIDGE_CHAOS:-0}  # seconds
[ "${3:-}" != --chaos ] || chaos=${4:-60}
packets=${VALPOOL_BRIDGE_PACKETS:-100000}

near=valpool_near_$$
far=valpool_far_$$
work=$(mktemp -d)
declare -A pid_of=()
finish() {
  for name in "${!pid_of[@]}"; do kill -CONT "${pid_of[$name]}" 2>/dev/null || true; done
  for name in "${!pid_of[@]}"; do kill "${pid_of[$name]}" 2>/dev/null || true; done
  wait 2>/dev/null || true
  rm -rf "$work"
}
trap finish EXIT

# A port that nobody listens on.
port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
broker_port=$(port)
link_port=$broker_port
# With chaos, the bridges reach the broker over a link that is bad.
[ "$chaos" = 0 ] || link_port=$(port)
url=nats://127.0.0.1:$link_port
cat >"$work/bridge.toml" <<END
[nats]
url = "$url"

[[route]]
direction = "out"
pool = "$near"
pipe = "lab"
subject = "near.lab"

[[route]]
direction = "in"
pool = "$far"
pipe = "lab"
subject = "near.lab"
capacity = 256
END

start() {
  case $1 in
    near) exec "$valpool" main "$near" 20000000 ;;
    far) exec "$valpool" main "$far" 20000000 ;;
    broker) exec "$nats_server" -a 127.0.0.1 -p "$broker_port" -js -sd "$work/broker" ;;
    link) exec python3 "$here/bad_link.py" "$link_port" "$broker_port" $RANDOM ;;
    out) exec "$valpool" bridge out "$near" lab --nats "$url" --subject near.lab ;;
    in) exec "$valpool" bridge in "$far" lab --nats "$url" --subject near.lab --capacity 256 ;;
    both) exec "$valpool" bridge run "$work/bridge.toml" ;;
    send) exec "$samples/bridge_ex" send "$near" lab "$packets" ;;
    receive) exec "$samples/bridge_ex" receive "$far" lab "$packets" --log "$work/received" ;;
  esac >>"$work/$1.out" 2>&1 &
  pid_of[$1]=$!
}
is_running() { kill -0 "${pid_of[$1]}" 2>/dev/null; }
complain() {
  echo "bridge: $1" >&2
  tail -n 5 "$work"/*.out >&2
  tail -n 3 "$work/received" >&2 || true
  exit 1
}

began=$(date +%s.%N)
for name in near far broker; do start $name; done
parts="link out in send receive"
[ "$chaos" != 0 ] || parts="both send receive"
for name in $parts; do start $name; done

# Kills, or stops for a while, one of them after the other; those that have done their work stay away.
if [ "$chaos" != 0 ]; then
  kills=0
  end=$((SECONDS + chaos))
  while [ $SECONDS -lt $end ]; do
    for name in out in send receive broker link; do
      is_running $name && [ $((RANDOM % 2)) = 0 ] || continue
      if [ $((RANDOM % 4)) = 0 ]; then
        kill -STOP "${pid_of[$name]}"
        sleep 0.$((RANDOM % 10))
        kill -CONT "${pid_of[$name]}" 2>/dev/null || true
      else
        kill -KILL "${pid_of[$name]}"
        wait "${pid_of[$name]}" 2>/dev/null || true
        start $name
        kills=$((kills + 1))
      fi
      sleep 0.$((RANDOM % 10))
    done
  done
  echo "$kills kills"
fi

# A part that was killed is started again; the others must not end but by being done.
for name in send receive; do
  wait "${pid_of[$name]}" || complain "$name has failed"
done
took=$(python3 -c "import sys; print(f'{float(sys.argv[1]) - float(sys.argv[2]):.1f}')" "$(date +%s.%N)" "$began")

# Each number once, in order; again only with a second delivery, after a kill of the receiver.
awk -v packets="$packets" '
  $1 == last + 1 { last = $1; next }
  $1 == last && $2 > 1 { ++again; next }
  { print "bridge: packet " $1 " after packet " last; exit wrong = 1 }
  END {
    if (wrong) exit 1
    if (last != packets) { print "bridge: " last + 0 " packets of " packets; exit 1 }
    if (again) print again " packets were delivered again after a kill of the receiver"
  }' "$work/received" || complain "the packets are not as they were sent"
left=$("$valpool" get "$far" lab --timeout 0.5 2>/dev/null || true)
[ -z "$left" ] || complain "a packet too many: $left"
echo "$packets packets crossed, in order, each once, in $took s"
