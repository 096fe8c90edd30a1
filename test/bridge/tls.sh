#!/usr/bin/env bash
# The bridge over a broker that wants TLS, and a certificate of the client's; and that it refuses a broker that it has
# no reason to trust.
#   test/bridge/tls.sh VALPOOL NATS_SERVER
set -euo pipefail
valpool=$1
nats_server=$2
near=valpool_tls_near_$$
far=valpool_tls_far_$$
work=$(mktemp -d)
pids=()
finish() {
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
  wait 2>/dev/null || true
  rm -rf "$work"
}
trap finish EXIT
fail() { echo "tls: $1" >&2; cat "$work"/*.log >&2; exit 1; }

cd "$work"
authority() {
  openssl req -x509 -newkey rsa:2048 -nodes -keyout "$1.key" -out "$1.pem" -days 2 -subj "/CN=$1" 2>/dev/null
}
signed() {
  openssl req -newkey rsa:2048 -nodes -keyout "$1.key" -out "$1.csr" -subj "/CN=$1" 2>/dev/null
  openssl x509 -req -in "$1.csr" -CA trusted.pem -CAkey trusted.key -CAcreateserial -out "$1.pem" -days 2 \
    -extfile <(echo subjectAltName=DNS:localhost,IP:127.0.0.1) 2>/dev/null
}
authority trusted
authority other
signed broker
signed client
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
"$nats_server" -a 127.0.0.1 -p "$port" -js -sd "$work/broker" --tlsverify --tlscert broker.pem --tlskey broker.key \
  --tlscacert trusted.pem >broker.log 2>&1 &
pids+=($!)
for pool in $near $far; do
  "$valpool" main $pool 4000000 >/dev/null 2>&1 &
  pids+=($!)
done

url=tls://127.0.0.1:$port
own=(--certificate client.pem --key client.key)
"$valpool" bridge out $near q --nats "$url" --subject a.b --ca trusted.pem "${own[@]}" 2>out.log &
pids+=($!)
"$valpool" bridge in $far q --nats "$url" --subject a.b --ca trusted.pem "${own[@]}" 2>in.log &
pids+=($!)
for i in 1 2 3; do echo "{\"i\":$i}" | "$valpool" put $near q -; done
got=$("$valpool" get $far q -n 3 --timeout 20) || fail "nothing has come"
[ "$got" = $'{"i":1}\n{"i":2}\n{"i":3}' ] || fail "other packets have come: $got"

# carries WHAT ARGUMENTS...: whether a route with these connects, or has to wait for the broker.
carries() {
  "$valpool" bridge in $far "$1" --nats "$url" --subject "$1" "${@:2}" 2>"$1.log" &
  local pid=$!
  for _ in $(seq 200); do
    ! grep -q "carries\|waits for the broker" "$1.log" || break
    sleep 0.1
  done
  kill $pid 2>/dev/null || true
  wait $pid 2>/dev/null || true
  grep -q carries "$1.log"
}
carries good --ca trusted.pem "${own[@]}" || fail "a good route does not connect"
! carries stranger --ca other.pem "${own[@]}" || fail "a broker that nobody vouches for is trusted"
! carries nobody --ca trusted.pem || fail "the broker takes us without a certificate"
echo "the right certificates connect, the wrong ones do not"
