#!/usr/bin/env bash
# Compares the counters of the kernels of counters.cu with what their EXPECT lines say.
# Usage: run_counters.sh emulator/run counters.cu build-folder
set -euo pipefail

run=$1 source=$2 folder=$3
command -v nvcc >/dev/null || {
  echo "skipped: no nvcc in PATH"
  exit 77
}
mkdir -p "$folder"
nvcc -std=c++20 -lineinfo -cudart shared -gencode arch=compute_80,code=compute_80 "$source" -o "$folder/counters"
LQNET_EMULATED_COUNTERS=$folder/counters.json "$run" "$folder/counters"

failed=0
while read -r kernel expected; do
  line=$(grep -F "\"kernel\": \"$kernel(" "$folder/counters.json") || {
    echo "$kernel: no counters"
    failed=1
    continue
  }
  # What is known of its source lines comes behind.
  line=${line%%\"kinds\"*}
  while IFS=' ' read -r name value; do
    [[ $line == *"\"$name\": $value,"* ]] || {
      echo "$kernel: expected $name $value in $line"
      failed=1
    }
  done <<<"${expected//, /$'\n'}"
done < <(sed -n 's|^// EXPECT \([a-z_]*\): \(.*\)|\1 \2|p' "$source")
table=$(LQNET_EMULATED_COUNTERS=lines "$run" "$folder/counters" 2>&1)
for text in "matrix b1" "store shared" "$(basename "$source"):$(grep -n '^__global__ void strided' "$source" | cut -d: -f1): 32 sectors in 1 requests"; do
  [[ $table == *"$text"* ]] || {
    echo "the table lacks '$text'"
    failed=1
  }
done
exit "$failed"
