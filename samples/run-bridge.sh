#!/usr/bin/env bash
# Sets a fresh Debian 12 up, builds what is needed, and carries packets from one pool to another: two pools on
# this machine stand for two hosts, with a broker on loopback between them.
#   samples/run-bridge.sh [--chaos [SECONDS]]
# With --chaos, everything but the pools' own processes is killed and stopped at random meanwhile, for a minute, and
# the link to the broker is slow, silent or cut.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

bash cmake/install-packages.sh libnats-dev cppzmq-dev libzmq3-dev libtomlplusplus-dev python3
cmake --preset release >/dev/null
cmake --build --preset release -j "$(nproc)" --target valpool_tool bridge_ex
bash cmake/unpack-package.sh nats-server build/nats-server usr/sbin/nats-server
bash samples/bridge.sh build/release "$PWD/build/nats-server/usr/sbin/nats-server" "$@"
