#!/usr/bin/env bash
# Compiles a program for several virtual architectures and runs it on each emulated device.
# Exit status 77: nvcc is missing, so there is nothing to test.
# Usage: run_program.sh emulator/run source.cu build-folder [architectures...]
source "$(dirname "${BASH_SOURCE[0]}")/with_nvcc.sh" "$@"
[ ${#rest[@]} -gt 0 ] || rest=(75 80 90 100 120)
compile "${rest[@]}"
for architecture in "${rest[@]}"; do
  echo "== sm_$architecture"
  LQNET_EMULATED_SM=${architecture%a} "$run" "$program"
done
