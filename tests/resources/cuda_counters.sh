#!/usr/bin/env bash
# Counts what the kernels of some workloads do on the emulated device, and compares it with the table
# of docs/, or writes that.
# Usage: cuda_counters.sh check|write table nvcc-version folder emulator/run lqnet kernel_counters
set -euo pipefail
action=$1 table=$2 version=$3 folder=$4 run=$5 lqnet=$6 counters=$7
mkdir -p "$folder"
# By kernels of this repository alone.
export LQNET_EMULATED_SM=80 LQNET_CUDA_CONV=own LQNET_CUDA_LINEAR=own

# count WORKLOAD FILE ARGUMENTS...: of `lqnet`.
files=()
count() {
  local workload=$1 file=$folder/$2.json
  shift 2
  LQNET_EMULATED_COUNTERS=$file "$run" "$lqnet" "$@" >"$file.log"
  files+=("$workload" "$file")
}
convolutions=(bench cuda --no-verify --rounds 1 --repeats 1 --no-peers)
training=(bench train --device cuda --steps 1 --warm-up 0)
count "Training ResNet-20 with two bits, four images" resnet20 \
  "${training[@]}" --model resnet20 --batch 4
count "Training small-cnn with one bit by three, four images" small-cnn \
  "${training[@]}" --model small-cnn --w-bits 1 --a-bits 3 --batch 4
count "Training small-cnn with one bit by two on codes, four images" bit-forward \
  "${training[@]}" --model small-cnn --w-bits 1 --a-bits 2 --bit-forward --batch 4
count "Packed convolutions of ResNet-18, one bit by two, two images" packed \
  "${convolutions[@]}" --suite resnet18 --bits 1/2 --batch 2
# As many as an A100 has: layers are too small for all of them, and are split.
LQNET_EMULATED_MULTIPROCESSORS=108 \
  count "The same, one image on 108 multiprocessors" packed-108 \
  "${convolutions[@]}" --suite resnet18 --bits 1/2 --batch 1
LQNET_EMULATED_SM=90 count "The same of two images on 9.0" packed-90 \
  "${convolutions[@]}" --suite resnet18 --bits 1/2 --batch 2
count "A packed convolution of 64 channels, three bits as bytes" bytes \
  "${convolutions[@]}" --shape 64,64,28,28,3,1 --bits 3/3 --batch 8

# A network has the layers around convolutions, too: pools of codes, floats and those that make codes.
network=$folder/vgg-small
rm -rf "$network"
"$lqnet" train --dataset synthetic --model vgg-small --w-bits 1 --a-bits 2 --batch 2 --max-steps 1 \
  --out "$network" >"$network.log" 2>&1
"$lqnet" pack --checkpoint "$network" --out "$network.lqn" >>"$network.log" 2>&1
{ printf 'P6 32 32 255\n' && head -c 3072 /dev/zero | tr '\0' '~'; } >"$folder/image.ppm"
count "Packed VGG-Small, one bit by two, one image" packed-vgg-small \
  infer --network "$network.lqn" --device cuda "$folder/image.ppm"

"$counters" "$action" "$table" "$version" "${files[@]}"
