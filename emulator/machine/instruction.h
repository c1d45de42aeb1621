// Pre-decoded instructions. This header is also for files that are compiled once per instruction
// set (kernels/common/isa_variants.h): plain data, no C++ library.
#pragma once

#include <cstddef>
#include <cstdint>

namespace lq::emulator {

constexpr int warp_size = 32;

/// One bit per lane.
using LaneMask = std::uint32_t;
constexpr LaneMask all_lanes = 0xFFFFFFFF;

/// Where an operand's lanes lie: a byte offset, into the registers of the running function or, with
/// the top bit, into its constants. A register is warp_size consecutive values of 16, 32 or 64
/// bits; a predicate is one LaneMask.
struct Slot {
  static constexpr std::uint32_t constant_bit = 0x80000000;
  std::uint32_t position = 0;
};
constexpr Slot no_slot{0x7FFFFFFF};
constexpr bool is_slot(Slot slot) { return slot.position != no_slot.position; }

/// What instructions of a warp compute with.
struct Frame {
  unsigned char* bases[2];  // registers, constants

  template <typename T>
  T* lanes(Slot slot) const {
    return reinterpret_cast<T*>(bases[slot.position >> 31] + (slot.position & ~Slot::constant_bit));
  }
  LaneMask& predicate(Slot slot) const { return *lanes<LaneMask>(slot); }
};

struct Instruction;
/// Executes an instruction for the lanes of the mask, which is never empty. Lanes outside of it
/// keep their registers.
using Handler = void (*)(Frame&, const Instruction&, LaneMask);

/// What the warp does around the handler.
enum class Flow : std::uint8_t {
  next,          // run the handler, go on
  branch,        // to `target`
  branch_table,  // to one of the instructions in `list`, by source 0
  call,          // function `target`
  call_pointer,  // the function at the address in source 0, which lanes may have their own of
  ret,
  exit,
  barrier,  // of the block
  cluster_barrier,
  wait,        // run the handler; others get a turn if a lane waited in vain
  collective,  // the handler runs once all lanes of the member mask in source 0 are there
};

enum class Space : std::uint8_t { generic, global, shared, shared_cluster, local, param };

struct Instruction {
  static constexpr int most_sources = 4;

  Handler handler = nullptr;
  Slot guard = no_slot;
  Slot results[2] = {no_slot, no_slot};
  Slot sources[most_sources] = {no_slot, no_slot, no_slot, no_slot};
  std::int64_t offset = 0;   // added to an address
  std::uint32_t target = 0;  // of a branch or call; of the function's `matrices`
  std::uint32_t list = 0;    // first of further slots in the function's `lists`
  std::uint8_t list_size = 0;
  bool guard_negated = false;
  Flow flow = Flow::next;
  Space space = Space::generic;
  std::uint8_t access_bytes = 0;    // of one element in memory
  std::uint8_t elements = 1;        // of a vector access
  std::uint8_t unread = 0;          // elements of a load whose registers nothing reads, as bits
  std::uint8_t register_bytes = 0;  // of the register that is loaded or stored
  bool wide_address = true;         // the address register has 64 bits
  bool counts = true;               // false for helpers that the decoder adds
  std::uint8_t kind = 0;            // index into the family's category for counters
  std::uint16_t detail = 0;         // the handler's own
};

/// What the decoder has to know about an operand of a table's form.
enum class OperandType : std::uint8_t { none, b16, b32, b64, f32, f64, predicate };

/// A row of the tables of instructions: the opcode with all its modifiers, and what executes it.
struct Form {
  const char* opcode;
  Handler handler;
  OperandType result;
  OperandType sources[Instruction::most_sources];
};

struct FormTable {
  const Form* forms;
  std::size_t count;
};

}  // namespace lq::emulator
