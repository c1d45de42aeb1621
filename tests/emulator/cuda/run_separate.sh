#!/usr/bin/env bash
# Compiles a program of several files with -rdc=true, and runs it on emulated devices.
# Usage: run_separate.sh emulator/run separate.cu build-folder
source "$(dirname "${BASH_SOURCE[0]}")/with_nvcc.sh" "$@"
other=${source%.cu}_other.cu
build() { # program options...
  nvcc -std=c++20 -lineinfo -rdc=true -cudart shared "${@:2}" "$source" "$other" -o "$folder/$1"
}
expected=$'in separate.cu\nin separate_other.cu'
expect_success() { # architecture program
  local output
  output=$(LQNET_EMULATED_SM=$1 "$run" "$folder/$2")
  echo "== $2 on sm_$1: $output"
  [ "$output" = "$expected" ] || exit 1
}
# With machine code beside the PTX, as -arch makes it, and with PTX alone.
build separate -gencode=arch=compute_80,code=[sm_80,compute_80]
build separate_ptx $(ptx_for 80 90)
for architecture in 80 90 120; do
  expect_success "$architecture" separate
  expect_success "$architecture" separate_ptx
done

# One file has no PTX: whatever the other needs of it is missing.
nvcc -std=c++20 -rdc=true -gencode=arch=compute_80,code=sm_80 -c "$other" -o "$folder/separate_other.o"
nvcc -std=c++20 -rdc=true -arch=sm_80 -c "$source" -o "$folder/separate.o"
nvcc -arch=sm_80 -cudart shared "$folder/separate.o" "$folder/separate_other.o" -o "$folder/separate_half"
status=0
output=$("$run" "$folder/separate_half" 2>&1) || status=$?
echo "$output"
[[ $status -eq 99 && $(wc -l <<<"$output") -eq 1 ]] || exit 1
[[ $output == *"is not in the PTX of the program (with -rdc=true, each file needs PTX"* ]]
