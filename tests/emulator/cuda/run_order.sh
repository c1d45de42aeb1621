#!/usr/bin/env bash
# What depends on the order of blocks and warps differs between orders, and is the same in each run of
# one; what does not depend on it is always right.
# Usage: run_order.sh emulator/run order.cu build-folder
source "$(dirname "${BASH_SOURCE[0]}")/with_nvcc.sh" "$@"
compile 80

result() { # order
  LQNET_EMULATED_THREADS=1 LQNET_EMULATED_ORDER=$1 "$run" "$program" || echo "failed: $1"
}
expect() { # order text
  local output
  output=$(result "$1")
  echo "$1: $output"
  [[ $output == "$2"* ]] || complain "$1: expected '$2'"
}
expect "" "block 36 warp 4 "
expect forward "block 36 warp 4 "
expect reverse "block 0 warp 0 "

results=()
for seed in 1 2 3 4 5 6; do
  first=$(result "random:$seed")
  echo "random:$seed: $first"
  [[ $first != *failed* && $first != *wrong* ]] || complain "random:$seed fails"
  [ "$first" = "$(result "random:$seed")" ] || complain "random:$seed differs from run to run"
  results+=("$first")
done
for column in 2 4 6; do
  different=$(printf '%s\n' "${results[@]}" | cut -d' ' -f$column | sort -u | wc -l)
  [ "$different" -ge 2 ] || complain "column $column is the same in all random orders"
done

status=0
output=$(LQNET_EMULATED_ORDER=backward "$run" "$program" 2>&1) || status=$?
[[ $status -eq 99 && $output == *"expected forward, reverse, random or random:SEED"* ]] ||
  complain "backward: $output"
exit "$failed"
