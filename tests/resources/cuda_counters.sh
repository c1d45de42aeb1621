#!/usr/bin/env bash
# Counts what the kernels of some workloads do on the emulated device, and compares it with the table
# of docs/, or writes that.
# Usage: cuda_counters.sh check|write table nvcc-version folder emulator/run lqnet kernel_counters
set -euo pipefail
action=$1 table=$2 version=$3 folder=$4 run=$5 lqnet=$6 counters=$7
mkdir -p "$folder"
# By kernels of this repository alone.
export LQNET_EMULATED_SM=80 LQNET_CUDA_CONV=own LQNET_CUDA_LINEAR=own

# count WORKLOAD FILE ARGUMENTS...: of `lqnet bench`.
files=()
count() {
  local workload=$1 file=$folder/$2.json
  shift 2
  LQNET_EMULATED_COUNTERS=$file "$run" "$lqnet" bench "$@" >"$file.log"
  files+=("$workload" "$file")
}
count "Training ResNet-20 with two bits, four images" resnet20 \
  train --device cuda --model resnet20 --batch 4 --steps 1 --warm-up 0
count "Training small-cnn with one bit by three, four images" small-cnn \
  train --device cuda --model small-cnn --w-bits 1 --a-bits 3 --batch 4 --steps 1 --warm-up 0
count "Packed convolutions of ResNet-18, one bit by two, two images" packed \
  cuda --suite resnet18 --bits 1/2 --batch 2 --rounds 1 --repeats 1 --no-peers
count "A packed convolution of 64 channels, three bits as bytes" bytes \
  cuda --shape 64,64,28,28,3,1 --bits 3/3 --batch 8 --rounds 1 --repeats 1 --no-peers

"$counters" "$action" "$table" "$version" "${files[@]}"
