#include "emulator/ptx/lexer.h"

#include <bit>
#include <charconv>

#include "core/error.h"

namespace lq::emulator::ptx {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }
bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
bool starts_word(char c) { return is_letter(c) || c == '_' || c == '$' || c == '%' || c == '.'; }
bool continues_word(char c) { return starts_word(c) || is_digit(c); }

class Lexer {
 public:
  explicit Lexer(std::string_view source) : source_(source) {}

  std::vector<Token> run() {
    std::vector<Token> tokens;
    for (;;) {
      skip_blank();
      const std::size_t begin = at_;
      const int line = line_;
      if (begin == source_.size()) {
        tokens.push_back({TokenKind::end, {}, line});
        return tokens;
      }
      const TokenKind kind = next();
      std::string_view text = source_.substr(begin, at_ - begin);
      if (kind == TokenKind::string) text = text.substr(1, text.size() - 2);
      tokens.push_back({kind, text, line});
    }
  }

 private:
  char peek(std::size_t ahead = 0) const {
    return at_ + ahead < source_.size() ? source_[at_ + ahead] : '\0';
  }

  void skip_blank() {
    while (at_ < source_.size()) {
      if (is_space(peek())) {
        if (peek() == '\n') ++line_;
        ++at_;
      } else if (peek() == '/' && peek(1) == '/') {
        while (at_ < source_.size() && peek() != '\n') ++at_;
      } else if (peek() == '/' && peek(1) == '*') {
        skip_comment();
      } else {
        return;
      }
    }
  }

  void skip_comment() {
    const int first = line_;
    at_ += 2;
    while (!(peek() == '*' && peek(1) == '/')) {
      check(at_ < source_.size(), "ptx line {}: comment without end", first);
      if (peek() == '\n') ++line_;
      ++at_;
    }
    at_ += 2;
  }

  TokenKind next() {
    const char c = peek();
    if (starts_word(c)) return word();
    if (is_digit(c)) return number();
    if (c == '"') return string();
    constexpr std::string_view punctuation = "{}[]()<>,;:@!|+-=*&~^?/";
    check(punctuation.find(c) != std::string_view::npos, "ptx line {}: unexpected byte {:#04x}",
          line_, static_cast<unsigned>(static_cast<unsigned char>(c)));
    ++at_;
    return TokenKind::punctuation;
  }

  /// Modifiers belong to their opcode, but directives may follow each other without a blank:
  /// `.reg.f32 x`.
  TokenKind word() {
    const bool is_directive = peek() == '.';
    ++at_;
    for (;;) {
      if (continues_word(peek()) && !(is_directive && peek() == '.')) {
        ++at_;
      } else if (peek() == ':' && peek(1) == ':' && continues_word(peek(2))) {
        at_ += 2;  // a scoped modifier: .shared::cta, .L2::128B
      } else {
        return TokenKind::word;
      }
    }
  }

  TokenKind number() {
    const char prefix = peek(1);
    if (peek() == '0' && (prefix == 'f' || prefix == 'F' || prefix == 'd' || prefix == 'D')) {
      at_ += 2;
      while (is_hex(peek())) ++at_;
      return TokenKind::floating;
    }
    if (peek() == '0' && (prefix == 'x' || prefix == 'X')) {
      at_ += 2;
      while (is_hex(peek())) ++at_;
    } else {
      while (is_digit(peek()) || (prefix == 'b' && peek() == 'b')) ++at_;
      if (peek() == '.' && is_digit(peek(1))) return decimal();
    }
    if (peek() == 'U') ++at_;
    return TokenKind::integer;
  }

  TokenKind decimal() {
    ++at_;
    while (is_digit(peek())) ++at_;
    if (peek() == 'e' || peek() == 'E') {
      ++at_;
      if (peek() == '+' || peek() == '-') ++at_;
      while (is_digit(peek())) ++at_;
    }
    return TokenKind::floating;
  }

  TokenKind string() {
    const int first = line_;
    ++at_;
    while (peek() != '"') {
      check(at_ < source_.size() && peek() != '\n', "ptx line {}: string without end", first);
      at_ += peek() == '\\' && peek(1) == '"' ? 2 : 1;
    }
    ++at_;
    return TokenKind::string;
  }

  std::string_view source_;
  std::size_t at_ = 0;
  int line_ = 1;
};

std::uint64_t parse_digits(std::string_view digits, int base, const Token& token) {
  std::uint64_t value = 0;
  const char* const end = digits.data() + digits.size();
  const auto [rest, error] = std::from_chars(digits.data(), end, value, base);
  check(error == std::errc() && rest == end, "ptx line {}: '{}' is no number of 64 bits",
        token.line, token.text);
  return value;
}

}  // namespace

std::vector<Token> tokenize(std::string_view source) { return Lexer(source).run(); }

std::uint64_t integer_value(const Token& token) {
  std::string_view text = token.text;
  if (text.ends_with('U')) text.remove_suffix(1);
  if (text.size() > 1 && text[0] == '0') {
    if (text[1] == 'x' || text[1] == 'X') return parse_digits(text.substr(2), 16, token);
    if (text[1] == 'b') return parse_digits(text.substr(2), 2, token);
    return parse_digits(text.substr(1), 8, token);
  }
  return parse_digits(text, 10, token);
}

FloatingBits floating_bits(const Token& token) {
  const std::string_view text = token.text;
  const char form = text.size() > 1 ? text[1] : '\0';
  if (form == 'f' || form == 'F') {
    check(text.size() == 10, "ptx line {}: '{}', expected 0f and 8 digits", token.line, text);
    return {parse_digits(text.substr(2), 16, token), true};
  }
  if (form == 'd' || form == 'D') {
    check(text.size() == 18, "ptx line {}: '{}', expected 0d and 16 digits", token.line, text);
    return {parse_digits(text.substr(2), 16, token), false};
  }
  double value = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, value);
  check(error == std::errc() && rest == end, "ptx line {}: '{}' is no number", token.line, text);
  return {std::bit_cast<std::uint64_t>(value), false};
}

}  // namespace lq::emulator::ptx
