#!/usr/bin/env bash
# Training step of ResNet-20 2/2 and of its float twin, against PyTorch on the same machine, the
# two programs in turn. Needs PyTorch for the python3 that PYTHON names (Debian: python3-torch).
# Usage: bench/train_vs_pytorch.sh [rounds]   (default 3; medians over the rounds are printed)
set -euo pipefail
cd "$(dirname "$0")/.."

rounds=${1:-3}
python=${PYTHON:-/usr/bin/python3}
threads=$(nproc)
results=$(mktemp)
trap 'rm -f "$results"' EXIT

for ((round = 0; round < rounds; ++round)); do
  build/release/bin/lqnet bench train --model resnet20 --w-bits 2 --a-bits 2 \
    --threads "$threads" --json | tr -d '\n' >>"$results"
  echo >>"$results"
  "$python" bench/peers/pytorch_resnet20_step.py --threads "$threads" >>"$results"
done

"$python" - "$results" <<'PYTHON'
import json
import statistics
import sys

rows = [json.loads(line) for line in open(sys.argv[1])]
ours, theirs = rows[0::2], rows[1::2]


def median(rows, key):
    return statistics.median(row[key] for row in rows)


step, float_step = median(ours, "step_ms"), median(ours, "float_step_ms")
best_float = min(median(theirs, "float_nchw_ms"), median(theirs, "float_nhwc_ms"))
port = median(theirs, "lq22_ms")
print(f"lqnet 2/2            {step:8.1f} ms  {128000 / step:6.0f} images/s")
print(f"lqnet float          {float_step:8.1f} ms  {128000 / float_step:6.0f} images/s")
print(f"PyTorch best float   {best_float:8.1f} ms  {128000 / best_float:6.0f} images/s")
print(f"PyTorch 2/2 port     {port:8.1f} ms  {128000 / port:6.0f} images/s")
print(f"2/2 step / float step, both lqnet      {step / float_step:.3f}")
print(f"lqnet 2/2 speed / PyTorch best float   {best_float / step:.3f}")
print(f"lqnet 2/2 speed / PyTorch 2/2 port     {port / step:.2f}")
PYTHON
