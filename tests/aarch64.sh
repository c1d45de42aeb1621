#!/usr/bin/env bash
# Cross-compiles the bit kernels for AArch64 and runs their tests under user-mode emulation: the
# NEON versions are proved on any machine. Needs only a cross compiler: what the tests use of other
# libraries is taken from headers and sources.
# Usage: tests/aarch64.sh [googletest arguments...]
set -euo pipefail
cd "$(dirname "$0")/.."

cmake/install_dependencies.sh g++-aarch64-linux-gnu qemu-user

out=build/aarch64
mkdir -p "$out/include"
header_folder() { echo "#include <$1>" | g++ -M -x c++ - | grep -o "[^ ]*/$1" | xargs dirname; }
ln -sfn "$(header_folder fmt/core.h)" "$out/include/fmt"
googletest=$(dpkg -L googletest | grep '/googletest/src/gtest-all.cc$' | xargs dirname | xargs dirname)

compiler=(aarch64-linux-gnu-g++ -std=c++20 -O2 -fopenmp -Wno-psabi -DFMT_HEADER_ONLY
          -I. -I"$out/include" -I"$googletest/include" -I"$googletest")
command -v ccache >/dev/null && compiler=(ccache "${compiler[@]}")

objects=()
compile() { # object source flags...
  objects+=("$out/$1.o")
  "${compiler[@]}" "${@:3}" -c "$2" -o "$out/$1.o"
}
for source in core/*.cpp kernels/bitconv/bitconv_{cpu,dispatch,reference,segment_cpu,staging_cpu}.cpp \
  kernels/common/conv2d_geometry.cpp tests/kernels/bitconv_{problem,test}.cpp; do
  compile "$(basename "$source" .cpp)" "$source"
done
for isa in portable neon; do
  compile "bitconv_$isa" kernels/bitconv/bitconv_cpu_bit_isa.cpp "-DLQNET_ISA=$isa" \
    "-DLQNET_ISA_IS_$isa"
done
compile gtest_all "$googletest/src/gtest-all.cc"
compile gtest_main "$googletest/src/gtest_main.cc"
"${compiler[@]}" "${objects[@]}" -static -o "$out/bitconv_test"

qemu-aarch64 "$out/bitconv_test" "$@"
