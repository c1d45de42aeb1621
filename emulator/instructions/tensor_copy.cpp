#include "emulator/instructions/tensor_copy.h"

#include "emulator/instructions/bulk_copy.h"
#include "emulator/instructions/memory.h"
#include "emulator/machine/tensor_map.h"

namespace lq::emulator {
namespace {

constexpr std::uint32_t chunk = 16;         // what swizzling moves
constexpr unsigned shared_alignment = 128;  // of a box
constexpr unsigned map_alignment = 64;

using Coordinates = std::array<std::int64_t, TensorMap::most_dimensions>;

[[noreturn]] void fault_here(const BulkIssue& issue, const std::string& message) {
  fault(issue.warp, issue.instruction, issue.lane, message);
}

TensorMap read_map(const BulkIssue& issue) {
  Warp& warp = issue.warp;
  const Instruction& instruction = issue.instruction;
  const std::uint64_t address = address_of(issue, 1);
  check_aligned(warp, instruction, issue.lane, address, map_alignment);
  TensorMap map;
  std::byte bytes[sizeof(map)];
  for (std::uint32_t at = 0; at < sizeof(map); at += 16) {
    std::memcpy(bytes + at,
                generic_bytes(warp, instruction, issue.lane, address + at, 16, AccessKind::read),
                16);
  }
  std::memcpy(&map, bytes, sizeof(map));
  if (map.magic != TensorMap::expected_magic) {
    fault_here(issue, fmt::format("there is no tensor map at {:#x}: cuTensorMapEncodeTiled() makes "
                                  "them",
                                  address));
  }
  if (map.rank != instruction.elements) {
    fault_here(issue, fmt::format("{} coordinates for a tensor map of {} dimensions",
                                  instruction.elements, map.rank));
  }
  return map;
}

/// The elements of a box: their numbers in each dimension, 1 in those that the tensor lacks.
struct Box {
  std::array<std::uint32_t, TensorMap::most_dimensions> size{1, 1, 1, 1, 1};
  std::uint32_t row_bytes = 0;
  std::uint32_t bytes = 0;

  explicit Box(const TensorMap& map) {
    for (std::size_t i = 0; i < map.rank; ++i) {
      // The innermost dimension has no stride.
      const std::uint32_t stride = i == 0 ? 1 : map.element_strides[i];
      size[i] = (map.box[i] + stride - 1) / stride;
    }
    row_bytes = size[0] * map.element_bytes;
    bytes = row_bytes * size[1] * size[2] * size[3] * size[4];
  }
};

Coordinates coordinates_of(const BulkIssue& issue) {
  const Slot* const slots = slots_of(issue.warp, issue.instruction);
  Coordinates result{};
  for (std::size_t i = 0; i < issue.instruction.elements; ++i) {
    result[i] = issue.warp.lanes<std::int32_t>(slots[i])[issue.lane];
  }
  return result;
}

/// The row of the box, or the part of it that lies in the tensor.
struct RowPart {
  std::uint64_t address = 0;
  std::uint32_t at = 0;  // in the data
  std::uint32_t bytes = 0;
};

template <typename Body>
void for_each_row(const TensorMap& map, const Box& box, const Coordinates& start, Body&& body) {
  const std::uint32_t rows = box.bytes / box.row_bytes;
  for (std::uint32_t row = 0; row < rows; ++row) {
    std::uint64_t address = map.address;
    bool inside = true;
    std::uint32_t rest = row;
    for (std::size_t i = 1; i < map.rank; ++i) {
      const std::int64_t index =
          start[i] + std::int64_t{rest % box.size[i]} * map.element_strides[i];
      rest /= box.size[i];
      inside = inside && index >= 0 && index <= map.last[i];
      address += static_cast<std::uint64_t>(index) * map.strides[i - 1];
    }
    const std::int64_t first = std::max<std::int64_t>(start[0], 0);
    const std::int64_t end =
        std::min<std::int64_t>(start[0] + box.size[0], std::int64_t{map.last[0]} + 1);
    if (!inside || first >= end) continue;
    const std::uint32_t bytes = map.element_bytes;
    body(RowPart{address + static_cast<std::uint64_t>(first) * bytes,
                 row * box.row_bytes + static_cast<std::uint32_t>(first - start[0]) * bytes,
                 static_cast<std::uint32_t>(end - first) * bytes});
  }
}

/// Bits 4 to 6 of a shared address are changed by bits 7 to 9, as many of them as the pattern has.
std::uint32_t swizzled(std::uint32_t address, std::uint32_t swizzle_bytes) {
  if (swizzle_bytes == 0) return address;
  return address ^ ((address >> 7) % (swizzle_bytes / chunk)) * chunk;
}

std::vector<DataPiece> pieces_of(const BulkIssue& issue, const TensorMap& map, const Box& box,
                                 std::uint32_t start) {
  if (map.swizzle_bytes == 0) return {{0, start, box.bytes}};
  if (box.row_bytes != map.swizzle_bytes) {
    fault_here(issue, fmt::format("rows of {} bytes swizzled over {} bytes are not modelled",
                                  box.row_bytes, map.swizzle_bytes));
  }
  std::vector<DataPiece> pieces;
  for (std::uint32_t at = 0; at < box.bytes; at += chunk) {
    pieces.push_back({at, swizzled(start + at, map.swizzle_bytes), chunk});
  }
  return pieces;
}

SharedPlace locate_box(const BulkIssue& issue, Space space, const TensorMap& map, const Box& box) {
  // Swizzling stays within the rows of 128 bytes that the box touches.
  const std::uint32_t bytes = map.swizzle_bytes == 0 ? box.bytes : (box.bytes + 127) / 128 * 128;
  return locate(issue, space, 0, bytes, shared_alignment);
}

void fill_out_of_bounds(const TensorMap& map, std::vector<std::byte>& data) {
  if (!map.fills_with_nan) return;
  for (std::size_t at = 0; at < data.size(); ++at) {
    const bool is_highest = at % map.element_bytes == map.element_bytes - 1U;
    data[at] = std::byte{is_highest ? std::uint8_t{0x7F} : std::uint8_t{0xFF}};
  }
}

/// What a tensor copy does to its destination, in elements of the map's type; true if that is a
/// reduction.
bool set_reduction(const BulkIssue& issue, const TensorMap& map, BulkCopy& copy) {
  if (issue.instruction.target == 0) return false;
  const std::string_view operation = reduction_operations[issue.instruction.target >> 8];
  const bool is_bitwise = operation == "and" || operation == "or" || operation == "xor";
  const std::string type = is_bitwise ? fmt::format("b{}", 8 * map.element_bytes) : map.type.data();
  copy.reduce = reduce_element(operation, type);
  copy.element_bytes = map.element_bytes;
  if (copy.reduce == nullptr) {
    fault_here(issue,
               fmt::format("there is no reduction '{}' of elements of type {}", operation, type));
  }
  return true;
}

}  // namespace

void copy_tensor_to_shared(Frame& frame, const Instruction& instruction, LaneMask mask) {
  for_each_lane(mask, [&](int lane) {
    const BulkIssue issue{warp_of(frame), instruction, lane};
    const TensorMap map = read_map(issue);
    const Box box(map);
    const SharedPlace to = locate_box(issue, instruction.space, map, box);
    const auto copy = std::make_shared<BulkCopy>();
    copy->place = place_of(issue.warp, instruction);
    copy->data.resize(box.bytes);
    fill_out_of_bounds(map, copy->data);
    for_each_row(map, box, coordinates_of(issue), [&](const RowPart& part) {
      use_global(issue, part.address, part.bytes, part.at, AccessKind::read, *copy);
    });
    send_to_shared(issue, copy, to, pieces_of(issue, map, box, to.offset));
  });
}

void copy_tensor_to_global(Frame& frame, const Instruction& instruction, LaneMask mask) {
  for_each_lane(mask, [&](int lane) {
    const BulkIssue issue{warp_of(frame), instruction, lane};
    const TensorMap map = read_map(issue);
    const Box box(map);
    const SharedPlace from = locate_box(issue, Space::shared, map, box);
    BulkCopy copy{.place = place_of(issue.warp, instruction)};
    copy.data.resize(box.bytes);
    read_shared(issue, *from.block, pieces_of(issue, map, box, from.offset), copy);
    const AccessKind kind =
        set_reduction(issue, map, copy) ? AccessKind::read_and_write : AccessKind::write;
    for_each_row(map, box, coordinates_of(issue), [&](const RowPart& part) {
      use_global(issue, part.address, part.bytes, part.at, kind, copy);
    });
    add_to_group(issue, std::move(copy));
  });
}

}  // namespace lq::emulator
