// Instruction sets of the CPU that the program runs on.
#pragma once

#include <string_view>

namespace lq {

/// In rising order: a machine that has one has all the lower ones of its family.
/// avx2 means AVX2 + FMA + BMI1/2; avx512 means AVX-512 F/BW/DQ/VL on top of it.
enum class Isa : unsigned char { portable, avx2, avx512 };

std::string_view name_of(Isa isa);

/// What the machine and its operating system support.
Isa detected_isa();

/// What kernels use: the detected set, capped by the environment variable LQNET_ISA
/// (portable, avx2 or avx512; anything else throws Error) and by IsaCap.
Isa active_isa();

/// Lowers active_isa() while the scope lives; process-wide, for tests and benches.
class IsaCap {
 public:
  explicit IsaCap(Isa cap);
  ~IsaCap();
  IsaCap(const IsaCap&) = delete;
  IsaCap& operator=(const IsaCap&) = delete;

 private:
  Isa previous_;
};

}  // namespace lq
