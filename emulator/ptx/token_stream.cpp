#include "emulator/ptx/token_stream.h"

#include <algorithm>

#include "core/error.h"

namespace lq::emulator::ptx {

const Token& TokenStream::peek(std::size_t ahead) const {
  return tokens_[std::min(at_ + ahead, tokens_.size() - 1)];
}

const Token& TokenStream::next() {
  const Token& token = peek();
  if (at_ + 1 < tokens_.size()) ++at_;
  return token;
}

bool TokenStream::sees(std::string_view text) const {
  const Token& token = peek();
  return token.text == text &&
         (token.kind == TokenKind::word || token.kind == TokenKind::punctuation);
}

bool TokenStream::take(std::string_view text) {
  if (!sees(text)) return false;
  next();
  return true;
}

void TokenStream::expect(std::string_view text) {
  if (!take(text)) fail_here(fmt::format("'{}'", text));
}

std::string_view TokenStream::expect_word(std::string_view what) {
  if (peek().kind != TokenKind::word) fail_here(what);
  return next().text;
}

std::int64_t TokenStream::expect_integer(std::string_view what) {
  const bool negative = take("-");
  if (peek().kind != TokenKind::integer) fail_here(what);
  const std::uint64_t value = integer_value(next());
  return static_cast<std::int64_t>(negative ? 0 - value : value);
}

void TokenStream::fail_here(std::string_view expected) const {
  const Token& token = peek();
  if (token.kind == TokenKind::end) {
    fail("ptx line {}: the text ends, expected {}", token.line, expected);
  }
  fail("ptx line {}: '{}' found, expected {}", token.line, token.text.substr(0, 80), expected);
}

}  // namespace lq::emulator::ptx
