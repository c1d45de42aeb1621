// Handlers of bulk copies. One that an mbarrier counts is complete when somebody waits for the
// mbarrier; one of a group when its thread waits for that.
#pragma once

#include <memory>
#include <string_view>

#include "emulator/instructions/memory_access.h"

namespace lq::emulator {

/// What Instruction::detail of bulk and tensor copies says, besides MemoryDetail.
struct BulkDetail {
  static constexpr std::uint16_t from_shared = 0x100;  // the source of a copy to shared memory
  static constexpr std::uint16_t multicast = 0x200;  // the last slot of the list is a mask of ranks
  static constexpr std::uint16_t byte_mask = 0x400;  // the last slot of the list
  static constexpr std::uint16_t only_read = 0x800;  // wait_group.read
};

/// Reductions to global memory; Instruction::target says which one, and of a bulk copy also the
/// type, by index: 0 for none.
constexpr std::string_view reduction_operations[] = {"",    "add", "min", "max", "inc",
                                                     "dec", "and", "or",  "xor"};
constexpr std::string_view reduction_types[] = {"",    "u32", "s32",  "u64", "s64", "b32",
                                                "b64", "f16", "bf16", "f32", "f64"};
constexpr std::uint32_t reduction_number(std::size_t operation, std::size_t type) {
  return static_cast<std::uint32_t>(operation << 8 | type);
}

// Source 0 is where to, source 1 where from, source 2 the number of bytes, source 3 an mbarrier;
// all addresses have 64 bits.
void copy_bulk_to_shared(Frame& frame, const Instruction& instruction, LaneMask mask);
void copy_bulk_to_global(Frame& frame, const Instruction& instruction, LaneMask mask);

void commit_bulk_copies(Frame& frame, const Instruction& instruction, LaneMask mask);
/// Until at most `target` groups are not complete.
void wait_for_bulk_copies(Frame& frame, const Instruction& instruction, LaneMask mask);

/// fence.proxy.async
void fence_proxies(Frame& frame, const Instruction& instruction, LaneMask mask);

// For tensor copies, too: one thread's copy in the making.
struct BulkIssue {
  Warp& warp;
  const Instruction& instruction;
  int lane;
};
/// The address of 64 bits in a source.
std::uint64_t address_of(const BulkIssue& issue, int source);
/// Where the address in a source leads in shared memory. Throws Error as locate_shared() does, and
/// unless it is aligned to a power of two.
SharedPlace locate(const BulkIssue& issue, Space space, int source, std::uint32_t bytes,
                   unsigned alignment);
/// Bytes of global memory are a source, or a destination; they lie at `at` in the data.
void use_global(const BulkIssue& issue, std::uint64_t address, std::uint32_t bytes,
                std::uint32_t at, AccessKind kind, BulkCopy& copy);
/// 16 bytes of the data, or more, that lie in shared memory.
struct DataPiece {
  std::uint32_t offset = 0;  // in the data
  std::uint32_t shared = 0;  // from the start of shared memory
  std::uint32_t bytes = 0;
};
/// Reads the pieces of a block's shared memory into the data.
void read_shared(const BulkIssue& issue, Block& block, const std::vector<DataPiece>& pieces,
                 BulkCopy& copy);
/// Sends the data to the block that the destination lies in, or to all of the multicast mask;
/// mbarriers at the offset of source 3 count the bytes.
void send_to_shared(const BulkIssue& issue, const std::shared_ptr<BulkCopy>& copy,
                    const SharedPlace& to, const std::vector<DataPiece>& pieces);
/// Adds the copy to the thread's group.
void add_to_group(const BulkIssue& issue, BulkCopy&& copy);

}  // namespace lq::emulator
