#include <algorithm>

#include "emulator/decode/builder.h"

namespace lq::emulator {

Opcode::Opcode(std::string_view text) {
  std::size_t begin = 0;
  while (begin <= text.size()) {
    const std::size_t end = std::min(text.find('.', begin), text.size());
    modifiers_.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  base_ = modifiers_.front();
  modifiers_.erase(modifiers_.begin());
}

bool Opcode::take(std::string_view modifier) {
  if (empty() || modifiers_[next_] != modifier) return false;
  ++next_;
  return true;
}

std::optional<std::string_view> Opcode::take_any(
    std::initializer_list<std::string_view> modifiers) {
  for (const std::string_view modifier : modifiers) {
    if (take(modifier)) return modifier;
  }
  return std::nullopt;
}

std::string_view Opcode::take_next() { return empty() ? std::string_view{} : modifiers_[next_++]; }

}  // namespace lq::emulator
