#include "emulator/ptx/parse_variable.h"

#include <array>
#include <bit>
#include <optional>
#include <utility>

#include "core/error.h"

namespace lq::emulator::ptx {
namespace {

constexpr std::int64_t most_elements = std::int64_t{1} << 32;
constexpr std::int64_t most_registers = std::int64_t{1} << 20;

std::optional<StateSpace> state_space(std::string_view word) {
  static constexpr std::array<std::pair<std::string_view, StateSpace>, 8> spaces{{
      {".reg", StateSpace::reg},
      {".global", StateSpace::global},
      {".shared", StateSpace::shared},
      {".const", StateSpace::constant},
      {".local", StateSpace::local},
      {".param", StateSpace::param},
      {".shared::cta", StateSpace::shared},
      {".param::entry", StateSpace::param},
  }};
  for (const auto& [name, space] : spaces) {
    if (name == word) return space;
  }
  return std::nullopt;
}

std::int64_t parse_alignment(TokenStream& tokens) {
  const std::int64_t alignment = tokens.expect_integer("an alignment");
  if (alignment <= 0 || !std::has_single_bit(static_cast<std::uint64_t>(alignment)) ||
      alignment > 4096) {
    tokens.fail_here("an alignment that is a power of two up to 4096");
  }
  return alignment;
}

/// (.managed), or (.unified(number, number)), which says where a copy of the variable is.
void parse_attribute_list(TokenStream& tokens, Variable& variable) {
  tokens.expect("(");
  for (int depth = 1; depth > 0;) {
    if (tokens.at_end()) tokens.fail_here("')'");
    const std::string_view word = tokens.next().text;
    if (word == "(") ++depth;
    if (word == ")") --depth;
    if (word == ".managed") variable.is_managed = true;
  }
}

/// What stands between the state space and the name: the type, and attributes in any order.
void parse_attributes(TokenStream& tokens, Variable& variable) {
  while (tokens.peek().kind == TokenKind::word && tokens.peek().text.starts_with('.')) {
    const std::string_view word = tokens.next().text;
    if (word == ".align") {
      const std::int64_t alignment = parse_alignment(tokens);
      // Behind .ptr it is the alignment of what is pointed to.
      if (variable.type.empty()) variable.alignment = alignment;
    } else if (word == ".v2" || word == ".v4" || word == ".v8") {
      variable.vector = word[2] - '0';
    } else if (word == ".attribute") {
      parse_attribute_list(tokens, variable);
    } else if (word == ".ptr" || (!variable.type.empty() && state_space(word))) {
      // What a pointer points to changes nothing here.
    } else if (variable.type.empty()) {
      variable.type = word.substr(1);
    } else {
      fail("ptx line {}: '{}' in a declaration", tokens.line(), word);
    }
  }
  if (variable.type.empty()) tokens.fail_here("a type");
  if (variable.type != "pred") type_bytes(variable.type);
}

/// A number as the bits of the variable's type.
std::uint64_t parse_initial_number(TokenStream& tokens, std::string_view type) {
  const bool negative = tokens.take("-");
  const Token& token = tokens.peek();
  if (token.kind == TokenKind::integer) {
    const std::uint64_t value = integer_value(tokens.next());
    return negative ? 0 - value : value;
  }
  if (token.kind != TokenKind::floating) tokens.fail_here("a number");
  const FloatingBits bits = floating_bits(tokens.next());
  if (bits.is_single) {
    const float value = std::bit_cast<float>(static_cast<std::uint32_t>(bits.bits));
    if (type == "f64") return std::bit_cast<std::uint64_t>(double{negative ? -value : value});
    return bits.bits ^ (negative ? 0x80000000U : 0U);
  }
  const double value = std::bit_cast<double>(bits.bits) * (negative ? -1 : 1);
  return type == "f32" ? std::bit_cast<std::uint32_t>(static_cast<float>(value))
                       : std::bit_cast<std::uint64_t>(value);
}

InitializerItem parse_initial_address(TokenStream& tokens) {
  InitializerItem item;
  if (tokens.peek(1).text == "(" && tokens.peek().kind == TokenKind::integer) {
    item.mask = integer_value(tokens.next());  // 0xFF00(name): one byte of the address
    tokens.expect("(");
    InitializerItem inner = parse_initial_address(tokens);
    inner.mask = item.mask;
    tokens.expect(")");
    return inner;
  }
  item.is_generic = tokens.take("generic");
  if (item.is_generic) tokens.expect("(");
  item.name = tokens.expect_word("a name");
  if (item.is_generic) tokens.expect(")");
  if (tokens.take("+")) item.bits = static_cast<std::uint64_t>(tokens.expect_integer("an offset"));
  return item;
}

void parse_initializer(TokenStream& tokens, Variable& variable) {
  int depth = 0;
  do {
    if (tokens.take("{")) {
      ++depth;
    } else if (tokens.take("}")) {
      if (--depth < 0) tokens.fail_here("an initializer");
    } else if (depth > 0 && tokens.take(",")) {
    } else if (tokens.peek().kind == TokenKind::word || tokens.peek(1).text == "(") {
      variable.initializer.push_back(parse_initial_address(tokens));
    } else {
      variable.initializer.push_back(
          {parse_initial_number(tokens, variable.type), {}, false, ~0ULL});
    }
  } while (depth > 0);
}

void parse_dimensions(TokenStream& tokens, Variable& variable) {
  while (tokens.take("[")) {
    variable.is_array = true;
    if (tokens.take("]")) {
      variable.elements = 0;
      continue;
    }
    const std::int64_t count = tokens.expect_integer("a number of elements");
    if (count < 0 || count > most_elements || variable.elements * count > most_elements) {
      tokens.fail_here("an array of at most 2^32 elements");
    }
    variable.elements *= count;
    tokens.expect("]");
  }
}

void parse_name(TokenStream& tokens, Variable& variable) {
  variable.line = tokens.line();
  variable.name = tokens.expect_word("the name of a variable");
  if (variable.space == StateSpace::reg && tokens.take("<")) {
    variable.numbered = tokens.expect_integer("a number of registers");
    if (variable.numbered < 0 || variable.numbered > most_registers) {
      tokens.fail_here("a sensible number of registers");
    }
    tokens.expect(">");
  }
  parse_dimensions(tokens, variable);
  if (tokens.take("=")) parse_initializer(tokens, variable);
}

}  // namespace

bool sees_state_space(const TokenStream& tokens) {
  return tokens.peek().kind == TokenKind::word && state_space(tokens.peek().text).has_value();
}

std::vector<Variable> parse_variables(TokenStream& tokens) {
  Variable declaration;
  const std::optional<StateSpace> space = state_space(tokens.expect_word("a state space"));
  if (!space) tokens.fail_here("a state space");
  declaration.space = *space;
  parse_attributes(tokens, declaration);
  std::vector<Variable> variables;
  do {
    variables.push_back(declaration);
    parse_name(tokens, variables.back());
  } while (tokens.take(","));
  return variables;
}

std::vector<Variable> parse_parameters(TokenStream& tokens) {
  tokens.expect("(");
  std::vector<Variable> parameters;
  while (!tokens.take(")")) {
    if (!parameters.empty()) tokens.expect(",");
    Variable parameter;
    const std::optional<StateSpace> space = state_space(tokens.expect_word("a parameter"));
    if (!space) tokens.fail_here("a parameter");
    parameter.space = *space;
    parse_attributes(tokens, parameter);
    parse_name(tokens, parameter);
    parameters.push_back(std::move(parameter));
  }
  return parameters;
}

}  // namespace lq::emulator::ptx
