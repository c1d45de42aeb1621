// A position in the tokens of a module, with the questions that a parser asks.
#pragma once

#include <string_view>
#include <vector>

#include "emulator/ptx/lexer.h"

namespace lq::emulator::ptx {

class TokenStream {
 public:
  explicit TokenStream(std::vector<Token> tokens) : tokens_(std::move(tokens)) {}

  const Token& peek(std::size_t ahead = 0) const;
  const Token& next();
  bool at_end() const { return peek().kind == TokenKind::end; }
  int line() const { return peek().line; }

  /// Whether the next token is this word or punctuation.
  bool sees(std::string_view text) const;
  /// Takes the next token if it is this word or punctuation.
  bool take(std::string_view text);
  /// Takes it, or throws Error.
  void expect(std::string_view text);

  /// The next token, which has to be a word that `what` names.
  std::string_view expect_word(std::string_view what);
  /// An integer with an optional sign.
  std::int64_t expect_integer(std::string_view what);

  [[noreturn]] void fail_here(std::string_view expected) const;

 private:
  std::vector<Token> tokens_;
  std::size_t at_ = 0;
};

}  // namespace lq::emulator::ptx
