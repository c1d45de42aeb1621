#!/usr/bin/env bash
# From a fresh machine to a trained LQ-Net: installs what is missing, builds, trains ResNet-20 with
# 2-bit weights and activations on Fashion-MNIST, and shows what it learned.
# Takes about ten minutes on two cores. LQNET_QUICKSTART_STEPS=N ends training after N steps.
set -euo pipefail
cd "$(dirname "$0")"

cmake/install_dependencies.sh
cmake --preset release >/dev/null
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
