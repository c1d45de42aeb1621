#!/usr/bin/env bash
# Installs what is missing, builds everything and runs all tests.
# Usage: ./test.sh [preset] [ctest arguments...]   presets: release (default) debug asan ubsan
set -euo pipefail
cd "$(dirname "$0")"

preset=${1:-release}
[ $# -gt 0 ] && shift

cmake/install_dependencies.sh libgtest-dev
# A quickstart before may have left the CUDA backend out. Sanitizers do not go with it.
cuda=AUTO
case $preset in asan | ubsan) cuda=OFF ;; esac
cmake --preset "$preset" -DLQ_CUDA=$cuda >/dev/null
cmake --build --preset "$preset"
# Tests are small and start threads of their own: threads that wait must not spin.
export OMP_WAIT_POLICY=passive
ctest --preset "$preset" -j "$(nproc)" "$@"
