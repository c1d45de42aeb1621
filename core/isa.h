// Instruction sets of the CPU that the program runs on.
#pragma once

#include <array>
#include <string_view>

namespace lq {

/// In rising order: a machine that has one has all the lower ones of its family (x86-64: all but
/// neon; AArch64: portable and neon). avx2 means AVX2 + FMA + BMI1/2; avx512 means AVX-512
/// F/BW/DQ/VL on top of it; avx512_vpopcnt adds VPOPCNTDQ, BITALG and VNNI (Ice Lake, Zen 4 and
/// later).
enum class Isa : unsigned char { portable, neon, avx2, avx512, avx512_vpopcnt };

/// All of them, in order.
inline constexpr std::array all_isas = {Isa::portable, Isa::neon, Isa::avx2, Isa::avx512,
                                        Isa::avx512_vpopcnt};

std::string_view name_of(Isa isa);

/// Whether this machine can run it.
bool is_supported(Isa isa);

/// What the machine and its operating system support.
Isa detected_isa();

/// What kernels use: the detected set, capped by the environment variable LQNET_ISA
/// (a name of the above; anything else throws Error) and by IsaCap.
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
