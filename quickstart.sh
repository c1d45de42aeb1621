#!/usr/bin/env bash
# From a fresh machine to a packed LQ-Net: installs what is missing, builds, trains ResNet-20 with
# 2-bit weights and activations on Fashion-MNIST, shows what it learned, and packs it into a file
# that runs on bit operations.
# Takes about ten minutes on two cores. LQNET_QUICKSTART_STEPS=N ends training after N steps.
set -euo pipefail
cd "$(dirname "$0")"

cmake/install_dependencies.sh
# Without a GPU, kernels for one would only take time to compile.
cuda=()
if [ ! -e build/release/CMakeCache.txt ] && [ ! -e /dev/nvidia0 ]; then cuda=(-DLQ_CUDA=OFF); fi
cmake --preset release "${cuda[@]}" >/dev/null
cmake --build --preset release --target lqnet

lqnet=build/release/bin/lqnet
run=runs/quickstart
options=()
if [ -n "${LQNET_QUICKSTART_STEPS:-}" ]; then
  scratch=$(mktemp -d)
  trap 'rm -rf "$scratch"' EXIT
  run=$scratch/run # a run of a few steps is a check, not a result
  options=(--max-steps "$LQNET_QUICKSTART_STEPS")
elif [ -e "$run/last.safetensors" ]; then
  options=(--resume)
fi

echo
echo "== Training =="
"$lqnet" train --recipe fashion-mnist-resnet20 --out "$run" "${options[@]}"
echo
echo "== Levels of one layer, before and after learning =="
"$lqnet" stats --checkpoint "$run" --layer stage2_block1.conv2 --out "$run/levels.svg"
echo
echo "== Accuracy on the test images =="
"$lqnet" eval --checkpoint "$run"
echo
echo "== Size =="
"$lqnet" info --checkpoint "$run" | tail -n 5
echo
echo "== Packed into one file, and compared with the trained network =="
"$lqnet" pack --checkpoint "$run" --out "$run/network.lqn" --verify
echo
echo "== Speed of the packed network, against the same topology on oneDNN =="
"$lqnet" bench network --network "$run/network.lqn" --rounds 10
