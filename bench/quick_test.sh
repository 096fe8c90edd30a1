#!/usr/bin/env bash
# Runs one contestant of a benchmark for a moment: it has to measure something, and what arrives, or
# is computed, to be right, which the benchmark checks. Says nothing about speed.
# Usage: quick_test.sh PROGRAM CONTESTANT
set -euo pipefail
output=$("$1" --quick --no-pinning --only "$2")
[[ $output == *'"value":'* ]] || { echo "quick_test: $1 has measured nothing" >&2; exit 1; }
