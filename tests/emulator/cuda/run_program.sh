#!/usr/bin/env bash
# Compiles a program for several virtual architectures and runs it on each emulated device.
# Exit status 77: nvcc is missing, so there is nothing to test.
# Usage: run_program.sh emulator/run source.cu build-folder [architectures...]
set -euo pipefail

run=$1 source=$2 folder=$3
shift 3
command -v nvcc >/dev/null || {
  echo "skipped: no nvcc in PATH"
  exit 77
}
name=$(basename "$source" .cu)
architectures=("$@")
[ $# -gt 0 ] || architectures=(75 80 90 100 120)
options=()
for architecture in "${architectures[@]}"; do
  options+=(-gencode "arch=compute_$architecture,code=compute_$architecture")
done
mkdir -p "$folder"
nvcc -std=c++20 -lineinfo -cudart shared "${options[@]}" "$source" -o "$folder/$name"
for architecture in "${architectures[@]}"; do
  echo "== sm_$architecture"
  LQNET_EMULATED_SM=$architecture "$run" "$folder/$name"
done
