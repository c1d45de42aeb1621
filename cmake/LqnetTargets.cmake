# One library per folder, each with an include root of its own: a link in the build tree that
# holds that folder and nothing else. `#include "core/tensor.h"` works only in targets that link
# lqnet_core, so an include against the direction of the layers fails to build.

# lqnet_library(core SOURCES ... PUBLIC targets... PRIVATE targets...)
function(lqnet_library folder)
  cmake_parse_arguments(ARG "" "" "SOURCES;PUBLIC;PRIVATE" ${ARGN})
  set(root ${CMAKE_BINARY_DIR}/include_roots/${folder})
  file(MAKE_DIRECTORY ${root})
  file(CREATE_LINK ${CMAKE_SOURCE_DIR}/${folder} ${root}/${folder} SYMBOLIC)
  add_library(lqnet_${folder} STATIC ${ARG_SOURCES})
  target_include_directories(lqnet_${folder} PUBLIC ${root})
  target_link_libraries(lqnet_${folder} PUBLIC ${ARG_PUBLIC} PRIVATE ${ARG_PRIVATE})
endfunction()

# lqnet_isa_sources(kernels VECTOR quantize/quantize_cpu_isa.cpp ... BIT ...)
# Compiles each source once per instruction set, with LQNET_ISA naming the namespace that its
# functions live in: see kernels/common/isa_variants.h for the sets of VECTOR and BIT sources, and
# for the rules that such a file keeps.
function(lqnet_isa_sources folder)
  cmake_parse_arguments(ARG "" "" "VECTOR;BIT" ${ARGN})
  set(vector_isas portable)
  set(bit_isas portable)
  if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64|amd64")
    list(APPEND vector_isas avx2 avx512)
    list(APPEND bit_isas avx2 avx512_vpopcnt)
  elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "aarch64|arm64")
    list(APPEND bit_isas neon)
  endif()
  set(flags_avx2 -mavx2 -mfma -mbmi -mbmi2)
  # The tuning keeps GCC from spilling pointers into vector registers, where they come back late
  # behind a queue of vector operations: bit kernels lose up to a tenth by it on Zen 5.
  set(flags_avx512 ${flags_avx2} -mavx512f -mavx512bw -mavx512dq -mavx512vl
                   -mprefer-vector-width=512 -mtune=icelake-server)
  set(flags_avx512_vpopcnt ${flags_avx512} -mavx512vpopcntdq -mavx512bitalg
                           -mavx512vnni)
  foreach(isa portable neon avx2 avx512 avx512_vpopcnt)
    set(sources)
    if(isa IN_LIST vector_isas)
      list(APPEND sources ${ARG_VECTOR})
    endif()
    if(isa IN_LIST bit_isas)
      list(APPEND sources ${ARG_BIT})
    endif()
    if(NOT sources)
      continue()
    endif()
    set(objects lqnet_${folder}_${isa})
    add_library(${objects} OBJECT ${sources})
    target_compile_definitions(${objects} PRIVATE LQNET_ISA=${isa} LQNET_ISA_IS_${isa})
    target_compile_options(${objects} PRIVATE ${flags_${isa}})
    target_include_directories(
      ${objects} PRIVATE $<TARGET_PROPERTY:lqnet_${folder},INTERFACE_INCLUDE_DIRECTORIES>)
    target_link_libraries(${objects} PRIVATE lqnet_core)
    target_sources(lqnet_${folder} PRIVATE $<TARGET_OBJECTS:${objects}>)
  endforeach()
endfunction()
