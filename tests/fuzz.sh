#!/usr/bin/env bash
# Builds the fuzzers of the readers of files and of PTX with clang and AddressSanitizer, and runs each for a while,
# from the committed corpus on. A finding ends it with an error and stays in build/fuzz.
# Usage: tests/fuzz.sh [seconds for each fuzzer]
set -euo pipefail
cd "$(dirname "$0")/.."

seconds=${1:-60}
cmake/install_dependencies.sh clang
version=$(clang++ -dumpversion | cut -d. -f1)
cmake/install_dependencies.sh "libclang-rt-$version-dev" "libomp-$version-dev"

out=build/fuzz
cmake -S . -B "$out" -G Ninja -DCMAKE_CXX_COMPILER=clang++ -DCMAKE_BUILD_TYPE=RelWithDebInfo \
  -DLQNET_BUILD_FUZZERS=ON -DLQNET_SANITIZE=address -DLQ_CUDA=OFF >/dev/null
cmake --build "$out" --target safetensors_fuzz shard_index_fuzz packed_file_fuzz fatbin_fuzz ptx_fuzz
fuzz() { # fuzzer corpus
  mkdir -p "$out/found/$1"
  if ! "$out/bin/$1" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=4096 \
    -print_final_stats=1 -artifact_prefix="$out/" "$out/found/$1" "$2" >"$out/$1.log" 2>&1; then
    tail -n 60 "$out/$1.log" >&2
    echo "fuzz: $1 found something, see $out" >&2
    exit 1
  fi
  echo "$1: $(sed -n 's/^stat::number_of_executed_units: *//p' "$out/$1.log") inputs, no finding"
}
fuzz safetensors_fuzz tests/fuzz/packed_file_corpus
fuzz shard_index_fuzz tests/fuzz/shard_index_corpus
fuzz packed_file_fuzz tests/fuzz/packed_file_corpus
fuzz fatbin_fuzz tests/fuzz/fatbin_corpus
fuzz ptx_fuzz tests/fuzz/ptx_corpus
