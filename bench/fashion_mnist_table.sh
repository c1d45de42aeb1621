#!/usr/bin/env bash
# Trains ResNet-20 on Fashion-MNIST at several bit widths with one schedule and prints the table of
# docs/results.md. Runs are kept under runs/ by epochs and widths, and not repeated.
# Usage: bench/fashion_mnist_table.sh [epochs [W/A ...]]
set -euo pipefail
cd "$(dirname "$0")/.."

lqnet=${LQNET:-build/release/bin/lqnet}
epochs=${1:-3}
[ $# -gt 0 ] && shift
widths=("$@")
[ ${#widths[@]} -gt 0 ] || widths=(32/32 1/2 2/2 3/3)
folder=runs/fashion-mnist-table/$epochs-epochs
mkdir -p "$folder"

echo "| W/A | test accuracy after the last epoch | best | wall time | images/s |"
echo "|---|---|---|---|---|"
for width in "${widths[@]}"; do
  run=$folder/w${width%/*}a${width#*/}
  if [ ! -e "$run.json" ]; then
    "$lqnet" train --recipe fashion-mnist-resnet20 --epochs "$epochs" --w-bits "${width%/*}" \
      --a-bits "${width#*/}" --out "$run" --json >"$run.json.part" 2>"$run.log"
    mv "$run.json.part" "$run.json"
  fi
  field() { sed -n "s/^ *\"$1\": *\([0-9.]*\).*/\1/p" "$run.json" | head -n 1; }
  awk -v width="$width" -v last="$(field test_accuracy)" -v best="$(field best_accuracy)" \
    -v seconds="$(field seconds)" -v rate="$(field images_per_s)" 'BEGIN {
      printf "| %s | %.2f %% | %.2f %% | %d:%02d | %.0f |\n",
             width, 100 * last, 100 * best, seconds / 60, seconds % 60, rate }'
done
