// Words, numbers and punctuation of PTX.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace lq::emulator::ptx {

enum class TokenKind : std::uint8_t {
  word,      // an opcode with its modifiers, a name, a register, a directive: add.s32 %tid.x .reg
  integer,   // 12 0x1F 0b11 017 12U
  floating,  // 0f3F800000 0d3FF0000000000000 1.5
  string,    // without its quotation marks
  punctuation,  // one character
  end,
};

struct Token {
  TokenKind kind = TokenKind::end;
  std::string_view text;  // part of the source, which must outlive the token
  int line = 0;           // from 1
};

/// Throws Error for characters that PTX does not have, and for what does not end (comments,
/// strings). The last token is of kind `end`.
std::vector<Token> tokenize(std::string_view source);

/// The value of an integer token; throws Error if it does not fit 64 bits.
std::uint64_t integer_value(const Token& token);

/// Bits of a floating-point token: of a single-precision number if the text says so (0f), or else
/// of a double-precision one.
struct FloatingBits {
  std::uint64_t bits = 0;
  bool is_single = false;
};
FloatingBits floating_bits(const Token& token);

}  // namespace lq::emulator::ptx
