#!/usr/bin/env bash
# What a bridge lives through: the stream is deleted, the broker comes back without its store, either pool is made
# anew. (What they had in them is lost; what comes afterwards must cross.)
#   test/bridge/broker_changes.sh VALPOOL NATS_SERVER
set -euo pipefail
valpool=$1
nats_server=$2
near=valpool_changes_near_$$
far=valpool_changes_far_$$
work=$(mktemp -d)
declare -A pid_of=()
finish() {
  for name in "${!pid_of[@]}"; do kill "${pid_of[$name]}" 2>/dev/null || true; done
  wait 2>/dev/null || true
  rm -rf "$work"
}
trap finish EXIT

port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
url=nats://127.0.0.1:$port
start() {
  case $1 in
    broker) exec "$nats_server" -a 127.0.0.1 -p "$port" -js -sd "$work/store" ;;
    near) exec "$valpool" main "$near" 4000000 ;;
    far) exec "$valpool" main "$far" 4000000 ;;
    out) exec "$valpool" bridge out "$near" q --nats "$url" --subject a.b ;;
    in) exec "$valpool" bridge in "$far" q --nats "$url" --subject a.b ;;
  esac >>"$work/$1.log" 2>&1 &
  pid_of[$1]=$!
}
again() {
  kill "$2" "${pid_of[$1]}"
  wait "${pid_of[$1]}" 2>/dev/null || true
  [ "$1" != broker ] || rm -rf "$work/store"
  start "$1"
}
# Asks JetStream: SUBJECT.
ask() {
  python3 - "$port" "$1" <<'END'
import socket, sys
s = socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=10)
s.recv(4096)
s.sendall(b'CONNECT {"verbose":false}\r\nSUB answer 1\r\nPUB %s answer 0\r\n\r\n' % sys.argv[2].encode())
answer = s.recv(4096)
assert b'"success":true' in answer, answer
END
}
number=0
crosses() {
  number=$((number + 1))
  echo "{\"i\":$number}" | "$valpool" put "$near" q - --timeout 30
  local got
  got=$("$valpool" get "$far" q -n 1 --timeout 60) || got=nothing
  if [ "$got" != "{\"i\":$number}" ]; then
    echo "after $1: got $got" >&2
    tail -n 5 "$work"/*.log >&2
    exit 1
  fi
}

for name in broker near far out in; do start $name; done
crosses "the start"
ask '$JS.API.STREAM.DELETE.valpool_a_b'
crosses "the stream was deleted"
ask '$JS.API.CONSUMER.DELETE.valpool_a_b.valpool_bridge'
crosses "the consumer was deleted"
again broker -KILL
crosses "the broker lost its store"
again far -TERM
crosses "the far pool was made anew"
again near -TERM
crosses "the near pool was made anew"
again broker -TERM
crosses "the broker was made anew"
echo "$number packets crossed"
