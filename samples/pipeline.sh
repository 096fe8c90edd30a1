#!/usr/bin/env bash
# Runs the document's pipeline with built samples: three processes, two pipes, one pool.
#   samples/pipeline.sh FOLDER_OF_THE_SAMPLES
set -euo pipefail
cd "$1"

pool=valpool_pipeline_$$
packets=${VALPOOL_PIPELINE_PACKETS:-20000}
logs=$(mktemp -d)
pids=()
finish() {
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
  rm -rf "$logs" "/dev/shm/$pool"
}
trap finish EXIT

# run LABEL CAPACITY SAMPLES_IN_ORDER [PREFIX...]: starts the three, and checks what they say.
run() {
  local label=$1 capacity=$2 order=$3
  shift 3
  pids=()
  local -A pid_of=()
  for side in $order; do
    case $side in
      server) "$@" ./serverside_ex "$pool" 1000000 pipe1 "$capacity" --packets "$packets" ;;
      middle) "$@" ./middleside_ex "$pool" pipe1 pipe2 "$capacity" ;;
      client) "$@" ./clientside_ex "$pool" pipe2 --print 1 ;;
    esac >"$logs/$side.out" 2>"$logs/$side.err" &
    pid_of[$side]=$!
    pids+=($!)
  done
  for side in server middle client; do
    if ! wait "${pid_of[$side]}"; then
      echo "$label: the $side failed:" >&2
      cat "$logs/$side.out" "$logs/$side.err" >&2
      exit 1
    fi
  done
  grep -q "^got $packets packets" "$logs/client.out" || { cat "$logs/client.out" >&2; exit 1; }
  [ ! -e "/dev/shm/$pool" ] || { echo "$label: the pool was left behind" >&2; exit 1; }
  echo "$label: $(tail -n 1 "$logs/client.out")"
  [ "$label" != "${first_label:=$label}" ] || sed 's/^/  first packet: /;q' "$logs/client.out"
}

case $(cat /proc/sys/kernel/randomize_va_space) in
  0) randomization="off on this system" ;;
  *) randomization=on ;;
esac
run "capacity 4, address randomisation $randomization" 4 "server middle client"
run "capacity 1024" 1024 "server middle client"
run "capacity 1" 1 "server middle client"
run "client first, server last" 4 "client middle server"
if setarch "$(uname -m)" -R true 2>/dev/null; then
  run "address randomisation off" 4 "server middle client" setarch "$(uname -m)" -R
fi
