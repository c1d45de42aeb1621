// Functions that are compiled once per instruction set, and the choice between them.
//
// A file `<op>/<op>_cpu_isa.cpp` is compiled for every instruction set (cmake's
// lqnet_isa_sources) inside `namespace lq::kernels::LQNET_ISA`, and exports one constant table of
// function pointers. Such a file must not define or instantiate anything with linkage outside
// that namespace: an inline function of the standard library compiled for AVX-512 could be the
// copy that the linker keeps for everyone, and crash older processors. So it includes no C++
// library headers but <cstdint> and <cstddef>, and its helpers are in anonymous namespaces; a
// test looks at the symbols of the objects.
#pragma once

#include "core/isa.h"

#if defined(__x86_64__)
#define LQNET_ISA_VARIANTS(table) \
  { &portable::table, &avx2::table, &avx512::table }
#else
#define LQNET_ISA_VARIANTS(table) \
  { &portable::table, nullptr, nullptr }
#endif

namespace lq::kernels {

template <typename Table>
struct IsaVariants {
  const Table* portable;
  const Table* avx2;
  const Table* avx512;
};

/// The table for active_isa().
template <typename Table>
const Table& choose_isa(const IsaVariants<Table>& variants) {
  switch (active_isa()) {
    case Isa::avx512:
      return *variants.avx512;
    case Isa::avx2:
      return *variants.avx2;
    case Isa::portable:
      break;
  }
  return *variants.portable;
}

}  // namespace lq::kernels
