#!/usr/bin/env bash
# What cannot be run ends with status 99 and one line that says why.
# Usage: run_messages.sh emulator/run messages.cu build-folder
source "$(dirname "${BASH_SOURCE[0]}")/with_nvcc.sh" "$@"
nvcc -cudart shared "$(ptx_for 80)" "$source" -o "$folder/messages"
nvcc -cudart static "$(ptx_for 80)" "$source" -o "$folder/messages_static"
nvcc -cudart shared -gencode arch=compute_80,code=sm_80 "$source" -o "$folder/messages_no_ptx"

expect() { # text command...
  local text=$1 status=0 output
  shift
  output=$("$@" 2>&1) || status=$?
  echo "$output"
  if [ "$status" -ne 99 ] || [ "$(wc -l <<<"$output")" -ne 1 ] || [[ $output != *"$text"* ]]; then
    complain "status $status, expected 99 and one line with '$text'"
  fi
}
"$run" "$folder/messages"
expect "cudaGraphDebugDotPrint: this call is not supported" "$run" "$folder/messages" unsupported
expect "build it with nvcc -cudart shared" "$run" "$folder/messages_static"
expect "PTX present: none); build with nvcc -gencode arch=compute_80" "$run" "$folder/messages_no_ptx"
LQNET_EMULATED_SM=75 expect "PTX present: sm_80" "$run" "$folder/messages"
LQNET_EMULATED_SM=81 expect "LQNET_EMULATED_SM is 81" "$run" "$folder/messages"
# Before the program has done anything.
for variable in LQNET_EMULATED_LAUNCHES LQNET_EMULATED_COUNTERS; do
  expect "$variable: cannot write $folder/none/file.json" \
    env "$variable=$folder/none/file.json" "$run" "$folder/messages" speak
done
for device in 80 90; do
  versions=$(LQNET_EMULATED_SM=$device "$run" "$folder/messages" versions)
  [ "$versions" = "PTX 80 binary $device" ] || complain "PTX for 8.0 on $device: $versions"
done
expect "no program" "$run" "$folder/no_such_program"
exit "$failed"
