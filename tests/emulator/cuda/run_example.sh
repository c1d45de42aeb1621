#!/usr/bin/env bash
# The example of docs/emulator.md: its picture, its counters, and the report of its planted fault.
# Usage: run_example.sh emulator/run life.cu build-folder
source "$(dirname "${BASH_SOURCE[0]}")/with_nvcc.sh" "$@"
compile 80

expect() { # text output
  [[ $2 == *"$1"* ]] && return
  complain "the output lacks '$1'"
}
output=$(LQNET_EMULATED_COUNTERS=1 "$run" "$program" 40 2>&1)
echo "$output"
expect "40 generations: as on the host" "$output"
# A glider flies a cell down and to the right every fourth generation: from (54, 14) to the corner.
expect $'\n.#...' "$output"
expect $'\n..#...' "$output"
expect $'\n###...' "$output"
expect "step(unsigned char const*, unsigned char*, bool)" "$output"
expect "5760 requests, 24960 sectors (4.33 per request" "$output"
expect "21120 requests, 21120 wavefronts, 0 of them bank conflicts" "$output"
status=0
# Which block meets the fault first is then always the same.
output=$(LQNET_EMULATED_THREADS=1 "$run" "$program" 40 --with-fault 2>&1) || status=$?
echo "$output"
[ "$status" -eq 99 ] || expect "status 99" "status $status"
line=$(grep -n "// LINE with-fault\$" "$source" | cut -d: -f1)
expect "life.cu:$line:" "$output"
expect "step(unsigned char const*, unsigned char*, bool)" "$output"
expect "which no warp has written yet, block (0, 0, 0)" "$output"
exit "$failed"
