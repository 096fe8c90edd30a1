#!/usr/bin/env bash
# The samples as a user at a terminal runs them: help, wrong command lines, wrong names, wrong
# sizes, Ctrl-C while they wait, several readers.
#   test/samples_test.sh FOLDER_OF_THE_SAMPLES
set -euo pipefail
cd "$1"

pool=valpool_samples_$$
work=$(mktemp -d)
pids=()
finish() {
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
  rm -rf "$work" "/dev/shm/$pool" "/dev/shm/$pool.plain"
}
trap finish EXIT
fail() {
  echo "FAILED: $*" >&2
  cat "$work"/*.out "$work"/*.err >&2 2>/dev/null || true
  exit 1
}

# expect CODE TEXT COMMAND...: checks the exit code, and for a text in either output.
expect() {
  local code=$1 text=$2 actual=0
  shift 2
  timeout 20 "$@" >"$work/it.out" 2>"$work/it.err" || actual=$?
  [ "$actual" = "$code" ] || fail "exit code $actual, not $code: $*"
  grep -q -e "$text" "$work/it.out" "$work/it.err" || fail "no '$text' from: $*"
}

# start NAME COMMAND...: in the background, its outputs in NAME.out and NAME.err.
start() {
  local name=$1
  shift
  # The last command of an asynchronous list ignores SIGINT in scripts; env takes that back.
  env --default-signal=INT "$@" >"$work/$name.out" 2>"$work/$name.err" &
  pids+=($!)
  last_pid=$!
}

# wait_for TEXT NAME: waits until the program has printed the text.
wait_for() {
  for _ in $(seq 1000); do
    ! grep -q -e "$1" "$work/$2.out" "$work/$2.err" || return 0
    sleep 0.01
  done
  fail "$2 never said '$1'"
}

# ends_with CODE PID
ends_with() {
  local actual=0
  wait "$2" || actual=$?
  [ "$actual" = "$1" ] || fail "exit code $actual, not $1"
}

# ends_as_slow_reader PID: a reader that may have missed packets, and then says so by exit code 1.
ends_as_slow_reader() {
  local actual=0
  wait "$1" || actual=$?
  [ "$actual" = 0 ] || [ "$actual" = 1 ] || fail "the slow reader failed: $actual"
}

for sample in serverside_ex middleside_ex clientside_ex multicast_ex event_loop_ex tap_ex embedded_ex \
    work_queue_ex request_reply_ex bridge_ex; do
  expect 0 "usage: $sample" ./$sample --help
  expect 2 "expected . arguments, got 1" ./$sample "$pool"
  expect 2 "usage: $sample" ./$sample
  expect 2 "unknown option --nonsense" ./$sample "$pool" --nonsense
done

expect 2 "BYTES: 'many' is no integer" ./serverside_ex "$pool" many pipe 4
expect 2 "BYTES cannot be negative" ./serverside_ex "$pool" -5 pipe 4
expect 2 "CAPACITY: '4x' is no integer" ./serverside_ex "$pool" 1000000 pipe 4x
expect 2 "CAPACITY: '4294967297' does not fit an int" ./serverside_ex "$pool" 1000000 pipe 4294967297
expect 2 "packets needs a value" ./serverside_ex "$pool" 1000000 pipe 4 --packets
expect 2 "N must be at least 1" ./multicast_ex "$pool" in out 0 4
expect 1 "capacity" ./serverside_ex "$pool" 1000000 pipe 0
expect 1 "capacity" ./serverside_ex "$pool" 1000000 pipe -3
expect 1 "bytes" ./serverside_ex "$pool" 0 pipe 4
expect 1 "bytes" ./serverside_ex "$pool" 1000000000000000 pipe 4
expect 1 "name" ./serverside_ex "" 1000000 pipe 4
expect 1 "name" ./serverside_ex a/b 1000000 pipe 4
expect 1 "name" ./serverside_ex "$pool" 1000000 "" 4
[ ! -e "/dev/shm/$pool" ] || fail "a refused server left its pool behind"

head -c 100000 /dev/zero >"/dev/shm/$pool.plain"
expect 1 "$pool.plain" ./serverside_ex "$pool.plain" 1000000 pipe 4
expect 1 "$pool.plain" ./clientside_ex "$pool.plain" pipe
[ "$(stat -c %s "/dev/shm/$pool.plain")" = 100000 ] || fail "a file of somebody else was changed"

# Ctrl-C ends every wait: for the pool, for packets, for room.
start client ./clientside_ex "$pool" pipe
client=$last_pid
start middle ./middleside_ex "$pool" pipe pipe2 4
middle=$last_pid
sleep 0.2
kill -INT "$client" "$middle"
ends_with 130 "$client"
ends_with 130 "$middle"

start server ./serverside_ex "$pool" 1000000 pipe 2 --timeout 0.05
server=$last_pid
wait_for "Failed to enqueue after" server
expect 1 "process $server" ./serverside_ex "$pool" 1000000 pipe 2
expect 1 "capacity" ./middleside_ex "$pool" pipe pipe 3
kill -INT "$server"
ends_with 130 "$server"
[ ! -e "/dev/shm/$pool" ] || fail "an interrupted server left its pool behind"

# A server waits until its packets (and the end mark) have been taken, and reports it.
start server ./serverside_ex "$pool" 1000000 pipe 4 --packets 3
server=$last_pid
wait_for "Waiting until the packets in the pool have been taken: 4 are left" server
start client ./clientside_ex "$pool" pipe
ends_with 0 "$last_pid"
ends_with 0 "$server"
grep -q "'name': 'serverside packet'" "$work/client.out" || fail "the client printed no packet"
grep -q "^got 3 packets" "$work/client.out" || fail "the client did not count 3 packets"

# A tap sees what is put into a full pipe from now on; the client gets everything.
expect 1 "no memory pool" ./tap_ex "$pool" pipe
expect 2 "DEPTH\|--depth" ./tap_ex "$pool" pipe --depth 0
start server ./serverside_ex "$pool" 1000000 pipe 2 --packets 6 --timeout 0.05
server=$last_pid
wait_for "Failed to enqueue after" server
start tap ./tap_ex "$pool" pipe
tap=$last_pid
start idle ./tap_ex "$pool" "never there"
idle=$last_pid
wait_for "looking at" tap
wait_for "looking at" idle
kill -INT "$idle"
ends_with 130 "$idle"
start client ./clientside_ex "$pool" pipe
ends_with 0 "$last_pid"
ends_with 0 "$tap"
ends_with 0 "$server"
grep -q "^got 6 packets" "$work/client.out" || fail "the tap took packets"
grep -q "'sequence_number': 5" "$work/tap.out" || fail "the tap printed no packet"
grep -q "^saw 4 packets, missed 0" "$work/tap.out" || fail "the tap did not see 4 packets"

# A host with its own loop passes packets on, and its own flag shuts it down.
start server ./serverside_ex "$pool" 1000000 pipe 4 --packets 300
server=$last_pid
start host ./embedded_ex "$pool" pipe pipe2 4 --period 0.0001
host=$last_pid
start client ./clientside_ex "$pool" pipe2 --print 0
ends_with 0 "$last_pid"
ends_with 0 "$host"
ends_with 0 "$server"
grep -q "^got 300 packets" "$work/client.out" || fail "the host lost packets"
start host ./embedded_ex "$pool" pipe pipe2 4
host=$last_pid
sleep 0.2
kill -INT "$host"
ends_with 130 "$host"

# Every reader of a multicast gets every packet.
start multicast ./multicast_ex "$pool" pipe out 3 4
multicast=$last_pid
readers=()
for i in 0 1 2; do
  start "reader$i" ./clientside_ex "$pool" "out$i"
  readers+=("$last_pid")
done
start server ./serverside_ex "$pool" 1000000 pipe 4 --packets 500
server=$last_pid
for pid in "${readers[@]}" "$multicast" "$server"; do ends_with 0 "$pid"; done
for i in 0 1 2; do
  grep -q "^got 500 packets" "$work/reader$i.out" || fail "reader $i did not get all packets"
done

# With --drop-after, a reader that never reads delays nobody. It misses what does not fit its pipe
# of 30, except for the end mark, which it takes at last. The other one has room for packets of 0.6
# seconds: a busy machine must not make it miss any.
start multicast ./multicast_ex "$pool" pipe out 2 30 --drop-after 0
multicast=$last_pid
start reader0 ./clientside_ex "$pool" out0 --print 0
reader=$last_pid
start server ./serverside_ex "$pool" 1000000 pipe 4 --packets 50 --interval 0.02
server=$last_pid
ends_with 0 "$reader"
start reader1 ./clientside_ex "$pool" out1
ends_as_slow_reader "$last_pid"
ends_with 0 "$multicast"
ends_with 0 "$server"
grep -q "^got 50 packets" "$work/reader0.out" || fail "the quick reader was kept waiting"
grep -q "reader 1 was too slow for" "$work/multicast.out" || fail "nobody was too slow"

# With --keep-newest it misses the oldest ones instead: the last packet is there, before the end mark.
start multicast ./multicast_ex "$pool" pipe out 1 3 --drop-after 0 --keep-newest
multicast=$last_pid
start server ./serverside_ex "$pool" 1000000 pipe 4 --packets 50
server=$last_pid
wait_for "Waiting until the packets" server
start reader ./clientside_ex "$pool" out0
ends_as_slow_reader "$last_pid"
ends_with 0 "$multicast"
ends_with 0 "$server"
grep -q "'sequence_number': 49" "$work/reader.out" || fail "the newest packet was dropped"
grep -q "reader 0 was too slow for" "$work/multicast.out" || fail "nobody was too slow"

# An event loop takes every packet.
start loop ./event_loop_ex "$pool" pipe
loop=$last_pid
start server ./serverside_ex "$pool" 1000000 pipe 4 --packets 5000
ends_with 0 "$loop"
ends_with 0 "$last_pid"
grep -q "^got 5000 packets" "$work/loop.out" || fail "the event loop missed packets"

# Questions are answered, also after a client was killed that had asked.
start answers ./request_reply_ex "$pool" serve
answers=$last_pid
start killed ./request_reply_ex "$pool" ask --requests 1000000
wait_for "the sum of 0 to 5 is 15" killed
kill -KILL "$last_pid"
expect 0 "the sum of 0 to 2 is 3" ./request_reply_ex "$pool" ask --requests 3
kill -INT "$answers"
wait "$answers" || true
grep -q "^answered" "$work/answers.out" || fail "the server did not end well"
expect 2 "ROLE is serve or ask" ./request_reply_ex "$pool" shout

# Workers are killed at random; every job is done, and only those in work at a kill may be done again.
for seed in 1 2 3; do
  expect 0 "300 jobs done, .* 10 workers killed" \
    ./work_queue_ex "$pool" 300 --kills 10 --seed "$seed" --work 0.0005
done
expect 0 "100 jobs done, 0 of them again, 0 workers killed" ./work_queue_ex "$pool" 100 --kills 0
expect 2 "JOBS: '0' is less than 1" ./work_queue_ex "$pool" 0
echo "the samples do what they say"
