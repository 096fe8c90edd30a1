#!/usr/bin/env bash
# Counts the instructions of the hot operations and compares them with their budgets: no later
# change pays unseen. Counts repeat on any machine with the same compiler, times do not.
#   test/budget/run.sh OPERATIONS BUDGETS            fails above a budget by more than 3%
#   test/budget/run.sh OPERATIONS BUDGETS --update   writes the counts into the file instead
set -euo pipefail

operations=$1
budgets=$2
update=${3:-}
command -v valgrind >/dev/null || { echo "valgrind is not installed: nothing is counted"; exit 77; }

repetitions=200
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
if ! valgrind --tool=callgrind --collect-atstart=no --callgrind-out-file="$out/counts" \
    "$operations" "$repetitions" >"$out/log" 2>&1; then
  cat "$out/log" >&2
  exit 1
fi

# "OPERATION INSTRUCTIONS", of one repetition.
counts() {
  local dump name total
  for dump in $(ls -v "$out"/counts.*); do
    name=$(sed -n 's/^desc: Trigger: Client Request: //p' "$dump")
    total=$(sed -n 's/^totals: \([0-9]*\).*/\1/p' "$dump")
    [ -z "$name" ] || echo "$name $((total / repetitions))"
  done
}
counts >"$out/counted"
[ -s "$out/counted" ] || { echo "nothing was counted" >&2; exit 1; }

if [ "$update" = --update ]; then
  { sed -n '/^#/p' "$budgets"; cat "$out/counted"; } >"$out/new"
  cp "$out/new" "$budgets"
  exit 0
fi

awk '
  /^#/ { next }
  NR == FNR { budget[$1] = $2; next }
  {
    seen[$1] = 1
    if (!($1 in budget)) { print $1 ": " $2 " instructions, and no budget"; wrong = 1; next }
    verdict = $2 > budget[$1] * 1.03 ? "TOO MANY" : $2 < budget[$1] * 0.97 ? "fewer: lower the budget" : ""
    if (verdict == "TOO MANY") wrong = 1
    printf "%-24s %8d of %8d  %s\n", $1, $2, budget[$1], verdict
  }
  END {
    for (name in budget) if (!(name in seen)) { print name ": was not counted"; wrong = 1 }
    exit wrong
  }' "$budgets" "$out/counted"
