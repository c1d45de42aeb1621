// What the stand-ins for libraries share.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <utility>

#include "emulator/libraries/numbers.h"
#include "emulator/runtime/library_work.h"

namespace lq::emulator {

/// An operand of packed numbers.
inline LibraryOperand packed_numbers(std::string name, const void* first, std::int64_t count,
                                     Number type, LibraryOperand::Use use) {
  const auto bytes = static_cast<std::size_t>(count) * bytes_of(type);
  return {.name = std::move(name), .first = first, .width = bytes, .pitch = bytes, .use = use};
}

/// Memory that the caller lends the library, if any.
inline void lend_workspace(LibraryWork& work, const void* workspace, std::size_t bytes) {
  constexpr std::size_t word = 4;
  bytes = bytes / word * word;
  if (bytes == 0) return;
  work.operands.push_back({.name = "workspace",
                           .first = workspace,
                           .width = bytes,
                           .pitch = bytes,
                           .use = LibraryOperand::Use::lent});
}

/// Reports a parameter or a value that a stand-in does not have. Returns the status that the call
/// then gives.
template <typename Status, typename... Values>
Status unsupported(Status status, const char* call, fmt::format_string<Values...> format,
                   Values&&... values) {
  const std::string message = fmt::format(format, std::forward<Values>(values)...) +
                              " is not supported; docs/emulator.md lists what is";
  lqnet_emulator_report(call, message.c_str());
  return status;
}

}  // namespace lq::emulator
