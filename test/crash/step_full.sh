#!/usr/bin/env bash
# Kills and stops a process after each instruction that matters, in each operation; takes hours.
#   test/crash/step_full.sh [BUILD_DIRECTORY] [--every] [Boost.Test arguments]
# Without --every: after each instruction that changes the pool, and beside each system call.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

build=build/release
if [ $# -gt 0 ] && [[ $1 != -* ]]; then
  build=$1
  shift
fi
export VALPOOL_STEP_FULL=1
if [ $# -gt 0 ] && [ "$1" = --every ]; then
  export VALPOOL_STEP_EVERY=1
  shift
fi
cmake --build "$build" --target crash_steps
exec "$build/test/crash/crash_steps" --log_level=test_suite --report_level=short "$@"
