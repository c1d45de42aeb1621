#include "emulator/ptx/parse_instruction.h"

#include "core/error.h"

namespace lq::emulator::ptx {
namespace {

// Deeper than any operand is, and shallow enough for the stack.
constexpr int most_nesting = 8;

Operand parse_operand(TokenStream& tokens, int depth);

std::vector<Operand> parse_parts(TokenStream& tokens, std::string_view close, int depth) {
  std::vector<Operand> parts;
  while (!tokens.take(close)) {
    if (!parts.empty()) tokens.expect(",");
    parts.push_back(parse_operand(tokens, depth + 1));
  }
  return parts;
}

Operand parse_number(TokenStream& tokens) {
  Operand operand;
  const bool negative = tokens.take("-");
  const Token& token = tokens.peek();
  if (token.kind == TokenKind::integer) {
    operand.kind = OperandKind::integer;
    operand.value = integer_value(token);
    if (negative) operand.value = 0 - operand.value;
  } else if (token.kind == TokenKind::floating) {
    const FloatingBits bits = floating_bits(token);
    operand.kind = bits.is_single ? OperandKind::single : OperandKind::real;
    operand.value = bits.bits;
    if (negative) operand.value ^= std::uint64_t{1} << (bits.is_single ? 31 : 63);
  } else {
    tokens.fail_here("an operand");
  }
  tokens.next();
  return operand;
}

/// `+4`, `+-4`, `-4` behind a name, or nothing.
std::int64_t parse_offset(TokenStream& tokens) {
  if (tokens.take("+")) return tokens.expect_integer("an offset");
  if (tokens.sees("-")) return tokens.expect_integer("an offset");
  return 0;
}

Operand parse_name(TokenStream& tokens) {
  Operand operand;
  operand.name = tokens.expect_word("an operand");
  operand.offset = parse_offset(tokens);
  return operand;
}

Operand parse_address(TokenStream& tokens, int depth) {
  Operand operand;
  if (tokens.peek().kind == TokenKind::word) {
    operand = parse_name(tokens);
  } else {
    operand.value = static_cast<std::uint64_t>(tokens.expect_integer("an address"));
    operand.offset = parse_offset(tokens);
  }
  operand.kind = OperandKind::address;
  while (tokens.take(",")) operand.parts.push_back(parse_operand(tokens, depth + 1));
  tokens.expect("]");
  return operand;
}

Operand parse_operand(TokenStream& tokens, int depth) {
  if (depth > most_nesting) tokens.fail_here("fewer levels of braces");
  Operand operand;
  if (tokens.take("!")) {
    operand = parse_name(tokens);
    operand.negated = true;
  } else if (tokens.take("{")) {
    operand.kind = OperandKind::vector;
    operand.parts = parse_parts(tokens, "}", depth);
  } else if (tokens.take("(")) {
    operand.kind = OperandKind::arguments;
    operand.parts = parse_parts(tokens, ")", depth);
  } else if (tokens.take("[")) {
    operand = parse_address(tokens, depth);
  } else if (tokens.peek().kind == TokenKind::word) {
    operand = parse_name(tokens);
  } else {
    operand = parse_number(tokens);
  }
  if (tokens.take("|")) {
    Operand pair;
    pair.kind = OperandKind::pair;
    pair.parts.push_back(std::move(operand));
    pair.parts.push_back(parse_operand(tokens, depth + 1));
    return pair;
  }
  return operand;
}

/// The tokens up to the semicolon on one line, for messages.
std::string text_of(const TokenStream& tokens) {
  std::string text;
  const char* previous_end = nullptr;
  for (std::size_t ahead = 0;; ++ahead) {
    const Token& token = tokens.peek(ahead);
    if (token.kind == TokenKind::end || token.text == ";") return text;
    if (previous_end != nullptr && previous_end != token.text.data()) text += ' ';
    text += token.text;
    previous_end = token.text.data() + token.text.size();
  }
}

}  // namespace

Instruction parse_instruction(TokenStream& tokens) {
  Instruction instruction;
  instruction.line = tokens.line();
  instruction.text = text_of(tokens);
  if (tokens.take("@")) {
    instruction.guard_negated = tokens.take("!");
    instruction.guard = tokens.expect_word("a predicate");
  }
  instruction.opcode = tokens.expect_word("an opcode");
  while (!tokens.take(";")) {
    if (!instruction.operands.empty()) tokens.expect(",");
    instruction.operands.push_back(parse_operand(tokens, 0));
  }
  return instruction;
}

}  // namespace lq::emulator::ptx
