#!/usr/bin/env bash
# Sets a fresh Debian 12 up, builds the samples, and runs the document's pipeline.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

bash cmake/install-packages.sh
cmake --preset release >/dev/null
cmake --build --preset release -j "$(nproc)" --target serverside_ex middleside_ex clientside_ex
VALPOOL_PIPELINE_PACKETS=${VALPOOL_PIPELINE_PACKETS:-200000} \
  bash samples/pipeline.sh build/release/samples
