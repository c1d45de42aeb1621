#include "core/isa.h"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <string>

#include "core/error.h"

namespace lq {

std::string_view name_of(Isa isa) {
  switch (isa) {
    case Isa::portable:
      return "portable";
    case Isa::neon:
      return "neon";
    case Isa::avx2:
      return "avx2";
    case Isa::avx512:
      return "avx512";
    case Isa::avx512_vpopcnt:
      return "avx512_vpopcnt";
  }
  return "?";
}

namespace {

Isa detect() {
#if defined(__x86_64__)
  __builtin_cpu_init();
  const bool avx2 = __builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("fma") != 0 &&
                    __builtin_cpu_supports("bmi") != 0 && __builtin_cpu_supports("bmi2") != 0;
  const bool avx512 =
      avx2 && __builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512bw") != 0 &&
      __builtin_cpu_supports("avx512dq") != 0 && __builtin_cpu_supports("avx512vl") != 0;
  const bool vpopcnt = avx512 && __builtin_cpu_supports("avx512vpopcntdq") != 0 &&
                       __builtin_cpu_supports("avx512bitalg") != 0 &&
                       __builtin_cpu_supports("avx512vnni") != 0;
  if (vpopcnt) return Isa::avx512_vpopcnt;
  if (avx512) return Isa::avx512;
  if (avx2) return Isa::avx2;
#elif defined(__ARM_NEON)
  return Isa::neon;
#endif
  return Isa::portable;
}

Isa from_environment() {
  const char* text = std::getenv("LQNET_ISA");
  if (text == nullptr || *text == '\0') return all_isas.back();
  std::string names;
  for (const Isa isa : all_isas) {
    if (name_of(isa) == text) return isa;
    if (!names.empty()) names += isa == all_isas.back() ? " or " : ", ";
    names += name_of(isa);
  }
  fail("LQNET_ISA is '{}', expected {}", text, names);
}

std::atomic<Isa>& cap() {
  static std::atomic<Isa> value = from_environment();
  return value;
}

}  // namespace

Isa detected_isa() {
  static const Isa isa = detect();
  return isa;
}

bool is_supported(Isa isa) {
  const bool is_of_arm = isa == Isa::neon;
  const bool machine_is_arm = detected_isa() == Isa::neon;
  return isa == Isa::portable || (is_of_arm == machine_is_arm && isa <= detected_isa());
}

Isa active_isa() { return std::min(detected_isa(), cap().load(std::memory_order_relaxed)); }

IsaCap::IsaCap(Isa limit) : previous_(cap().load()) { cap() = std::min(previous_, limit); }
IsaCap::~IsaCap() { cap() = previous_; }

}  // namespace lq
