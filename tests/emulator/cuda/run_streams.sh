#!/usr/bin/env bash
# Missing waits show in streams that do their work later, and nothing else does.
# Usage: run_streams.sh emulator/run streams.cu build-folder
source "$(dirname "${BASH_SOURCE[0]}")/with_nvcc.sh" "$@"
compile 80

expect() { # streams text
  local output
  output=$(LQNET_EMULATED_STREAMS=$1 "$run" "$program") || complain "$1 fails"
  echo "$1: $output"
  [ "$output" = "$2" ] || complain "$1: expected '$2'"
}
immediate="reader new writer old host old blocking new other new questions 0"
expect "" "$immediate"
expect immediate "$immediate"
expect lazy "reader old writer old host new blocking new other old questions 2"
expect others_first "reader new writer new host new blocking new other old questions 2"

for streams in immediate lazy others_first; do
  status=0
  output=$(LQNET_EMULATED_STREAMS=$streams "$run" "$program" fault 2>&1) || status=$?
  [[ $status -eq 99 && $output == "emulator: kernel launch: store_out_of_bounds"*"streams.cu:"* ]] ||
    complain "fault, $streams: $output"
done

status=0
output=$(LQNET_EMULATED_STREAMS=late "$run" "$program" 2>&1) || status=$?
[[ $status -eq 99 && $output == *"LQNET_EMULATED_STREAMS is 'late', expected immediate, lazy or others_first"* ]] ||
  complain "late: $output"
exit "$failed"
