#!/usr/bin/env bash
# Compares the counters of the kernels of counters.cu with what their EXPECT lines say.
# Usage: run_counters.sh emulator/run counters.cu build-folder
source "$(dirname "${BASH_SOURCE[0]}")/with_nvcc.sh" "$@"
compile 90
export LQNET_EMULATED_SM=90
LQNET_EMULATED_COUNTERS=$folder/counters.json "$run" "$program"

while read -r kernel expected; do
  line=$(grep -F "\"kernel\": \"$kernel(" "$folder/counters.json") || {
    complain "$kernel: no counters"
    continue
  }
  # What is known of its source lines comes behind.
  line=${line%%\"kinds\"*}
  while IFS=' ' read -r name value; do
    [[ $line == *"\"$name\": $value,"* ]] ||
      complain "$kernel: expected $name $value in $line"
  done <<<"${expected//, /$'\n'}"
done < <(sed -n 's|^// EXPECT \([a-z_]*\): \(.*\)|\1 \2|p' "$source")
table=$(LQNET_EMULATED_COUNTERS=lines "$run" "$program" 2>&1)
for text in "matrix b1" "store shared" "$(basename "$source"):$(grep -n '^__global__ void strided' "$source" | cut -d: -f1): 32 sectors in 1 requests"; do
  [[ $table == *"$text"* ]] ||
    complain "the table lacks '$text'"
done
exit "$failed"
