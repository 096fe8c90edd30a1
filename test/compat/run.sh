#!/usr/bin/env bash
# Runs a program written for the original library and compares what it prints, to the character.
#   test/compat/run.sh PROGRAM EXPECTED
set -euo pipefail
diff <("$1") "$2"
