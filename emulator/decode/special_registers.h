// Special registers by name.
#pragma once

#include <optional>
#include <string_view>

#include "emulator/machine/function.h"

namespace lq::emulator {

/// One that is filled when a function starts; none for other names.
std::optional<Special> special_register(std::string_view name);

/// One that is the same number always.
std::optional<std::uint32_t> special_constant(std::string_view name);

/// What reads one that changes while the kernel runs, by its size in bytes; null for other names.
Handler special_reader(std::string_view name, int bytes);

}  // namespace lq::emulator
