#!/usr/bin/env bash
# Installs what is missing, builds everything and runs all tests.
# Usage: ./test.sh [preset] [ctest arguments...]   presets: release (default) debug asan ubsan
set -euo pipefail
cd "$(dirname "$0")"

preset=${1:-release}
[ $# -gt 0 ] && shift

cmake/install_dependencies.sh
# Where there is a CUDA compiler, the CUDA backend must not stay out of the tests: a quickstart before may
# have left it out, and CMake would do without one that it cannot use. Sanitizers do not go with it.
PATH=$PATH:/usr/local/cuda/bin # where the toolkit's installer puts it
cuda=AUTO
if command -v nvcc >/dev/null; then cuda=ON; fi
case $preset in asan | ubsan) cuda=OFF ;; esac
cmake --preset "$preset" -DLQ_CUDA=$cuda | grep 'CUDA backend'
cmake --build --preset "$preset"
# Tests are small and start threads of their own: threads that wait must not spin.
export OMP_WAIT_POLICY=passive
ctest --preset "$preset" -j "$(nproc)" "$@"
