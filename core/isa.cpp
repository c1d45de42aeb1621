#include "core/isa.h"

#include <algorithm>
#include <atomic>
#include <cstdlib>

#include "core/error.h"

namespace lq {

std::string_view name_of(Isa isa) {
  switch (isa) {
    case Isa::portable:
      return "portable";
    case Isa::avx2:
      return "avx2";
    case Isa::avx512:
      return "avx512";
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
  if (avx512) return Isa::avx512;
  if (avx2) return Isa::avx2;
#endif
  return Isa::portable;
}

Isa from_environment() {
  const char* text = std::getenv("LQNET_ISA");
  if (text == nullptr || *text == '\0') return Isa::avx512;
  for (Isa isa : {Isa::portable, Isa::avx2, Isa::avx512}) {
    if (name_of(isa) == text) return isa;
  }
  fail("LQNET_ISA is '{}', expected portable, avx2 or avx512", text);
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

Isa active_isa() { return std::min(detected_isa(), cap().load(std::memory_order_relaxed)); }

IsaCap::IsaCap(Isa limit) : previous_(cap().load()) { cap() = std::min(previous_, limit); }
IsaCap::~IsaCap() { cap() = previous_; }

}  // namespace lq
