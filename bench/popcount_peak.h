// The fastest that this machine can count bits.
#pragma once

namespace lq::bench {

/// Bit multiply-accumulates per second of one thread of a loop that only combines, counts and adds
/// words in registers, with the instruction set that bitconv uses now: what its kernels are
/// measured against. Takes about 20 ms.
double popcount_peak();

/// Bit multiply-accumulates in `us` microseconds on so many threads, in per cent of a measured
/// peak.
double percent_of_peak(double bit_macs, double us, double peak, int threads);

}  // namespace lq::bench
