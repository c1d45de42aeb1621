// The tables of instructions that are nothing but a function of their operands. Each is compiled
// once per instruction set; to add an instruction, add its row (and a test).
#pragma once

#include "emulator/machine/instruction.h"

#define LQNET_EMULATOR_TABLES(isa)           \
  namespace lq::emulator::isa {              \
  extern const FormTable integer_forms;      \
  extern const FormTable bit_forms;          \
  extern const FormTable compare_forms;      \
  extern const FormTable convert_forms;      \
  extern const FormTable to_integer_forms;   \
  extern const FormTable single_forms;       \
  extern const FormTable double_forms;       \
  extern const FormTable half_forms;         \
  extern const FormTable half_compare_forms; \
  }

LQNET_EMULATOR_TABLES(portable)
LQNET_EMULATOR_TABLES(avx2)
LQNET_EMULATOR_TABLES(avx512)

#undef LQNET_EMULATOR_TABLES
