// The choice between functions that are compiled once per instruction set.
//
// A file `<op>/<op>_cpu_isa.cpp` is compiled for every set of LQNET_VECTOR_ISAS, a file
// `<op>/<op>_cpu_bit_isa.cpp` for those of LQNET_BIT_ISAS (cmake's lqnet_isa_sources), inside
// `namespace lq::kernels::LQNET_ISA`, and exports one constant table of function pointers.
// Such a file must not define or instantiate anything with linkage outside that namespace: an
// inline function of the standard library compiled for AVX-512 could be the copy that the linker
// keeps for everyone, and crash older processors. So it includes no C++ library headers but
// <cstdint> and <cstddef>, and its helpers are in anonymous namespaces; a test looks at the
// symbols of the objects.
#pragma once

#include <initializer_list>

#include "core/error.h"
#include "core/isa.h"

// The rows of a table's variants, best first. Kernels on floats gain nothing from the sets that
// count bits, and kernels that count bits little from AVX-512 without them.
#if defined(__x86_64__)
#define LQNET_VECTOR_ISAS(table)                                                                  \
  {                                                                                               \
    {Isa::avx512, &avx512::table}, {Isa::avx2, &avx2::table}, { Isa::portable, &portable::table } \
  }
#define LQNET_BIT_ISAS(table)                                                   \
  {                                                                             \
    {Isa::avx512_vpopcnt, &avx512_vpopcnt::table}, {Isa::avx2, &avx2::table}, { \
      Isa::portable, &portable::table                                           \
    }                                                                           \
  }
#elif defined(__ARM_NEON)
#define LQNET_VECTOR_ISAS(table)        \
  {                                     \
    { Isa::portable, &portable::table } \
  }
#define LQNET_BIT_ISAS(table)                                      \
  {                                                                \
    {Isa::neon, &neon::table}, { Isa::portable, &portable::table } \
  }
#else
#define LQNET_VECTOR_ISAS(table)        \
  {                                     \
    { Isa::portable, &portable::table } \
  }
#define LQNET_BIT_ISAS(table)           \
  {                                     \
    { Isa::portable, &portable::table } \
  }
#endif

namespace lq::kernels {

template <typename Table>
struct IsaVariant {
  Isa isa;
  const Table* table;
};

/// The best table that active_isa() allows.
template <typename Table>
const Table& choose_isa(std::initializer_list<IsaVariant<Table>> best_first) {
  for (const IsaVariant<Table>& variant : best_first) {
    if (variant.isa <= active_isa()) return *variant.table;
  }
  fail("kernels: no version for {}", name_of(active_isa()));
}

}  // namespace lq::kernels
