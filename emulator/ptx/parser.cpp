#include "emulator/ptx/parser.h"

#include <optional>

#include "core/error.h"
#include "emulator/ptx/parse_instruction.h"
#include "emulator/ptx/parse_variable.h"
#include "emulator/ptx/token_stream.h"

namespace lq::emulator::ptx {
namespace {

class Parser {
 public:
  explicit Parser(std::string_view source) : tokens_(tokenize(source)) {}

  Module run() {
    while (!tokens_.at_end()) top_level();
    return std::move(module_);
  }

 private:
  void top_level() {
    if (tokens_.take(";")) return;
    if (tokens_.take(".version")) {
      module_.version = tokens_.next().text;
    } else if (tokens_.take(".target")) {
      module_.target = tokens_.expect_word("a target");
      while (tokens_.take(",")) {
        module_.is_debug |= tokens_.expect_word("a target's option") == "debug";
      }
    } else if (tokens_.take(".address_size")) {
      const std::int64_t bits = tokens_.expect_integer("an address size");
      check(bits == 64, "ptx line {}: addresses of {} bits, expected 64", tokens_.line(), bits);
    } else if (tokens_.take(".file")) {
      file();
    } else if (tokens_.take(".section")) {
      section();
    } else if (tokens_.take(".pragma")) {
      skip_to_semicolon();
    } else if (tokens_.take(".alias")) {
      fail("ptx line {}: .alias is not supported", tokens_.line());
    } else {
      linked_item();
    }
  }

  void file() {
    const std::int64_t index = tokens_.expect_integer("the number of a file");
    if (tokens_.peek().kind != TokenKind::string) tokens_.fail_here("the name of a file");
    module_.files[static_cast<int>(index)] = tokens_.next().text;
    while (tokens_.take(",")) tokens_.expect_integer("a time or a size");
  }

  /// Debugging sections hold nothing that is executed.
  void section() {
    tokens_.expect_word("the name of a section");
    tokens_.expect("{");
    while (!tokens_.take("}")) {
      if (tokens_.at_end()) tokens_.fail_here("'}'");
      tokens_.next();
    }
  }

  /// A variable or a function, behind its linkage.
  void linked_item() {
    Linkage linkage = Linkage::local;
    while (const std::optional<Linkage> stated = take_linkage()) linkage = *stated;
    if (tokens_.sees(".entry") || tokens_.sees(".func")) {
      function(linkage);
    } else if (sees_state_space(tokens_)) {
      for (Variable& variable : parse_variables(tokens_)) {
        variable.linkage = linkage;
        module_.variables.push_back(std::move(variable));
      }
      tokens_.expect(";");
    } else {
      tokens_.fail_here("a directive of a module");
    }
  }

  std::optional<Linkage> take_linkage() {
    if (tokens_.take(".extern")) return Linkage::external;
    if (tokens_.take(".visible")) return Linkage::visible;
    if (tokens_.take(".weak") || tokens_.take(".common")) return Linkage::weak;
    return std::nullopt;
  }

  void function(Linkage linkage) {
    Function function;
    function.linkage = linkage;
    function.line = tokens_.line();
    function.is_entry = tokens_.next().text == ".entry";
    // Only a list of results comes before the name.
    if (tokens_.sees("(")) function.results = parse_parameters(tokens_);
    function.name = tokens_.expect_word("the name of a function");
    if (tokens_.sees("(")) function.parameters = parse_parameters(tokens_);
    while (!tokens_.sees("{") && !tokens_.sees(";")) function_directive(function);
    if (!tokens_.take(";")) {
      function.has_body = true;
      tokens_.expect("{");
      source_ = {};
      body(function);
    }
    module_.functions.push_back(std::move(function));
  }

  void function_directive(Function& function) {
    const std::string_view word = tokens_.expect_word("a directive of a function or its body");
    const bool is_limit = word == ".maxntid" || word == ".reqntid" || word == ".reqnctapercluster";
    if (is_limit || word == ".minnctapersm" || word == ".maxnreg" || word == ".maxclusterrank") {
      std::vector<std::int64_t> values;
      do {
        values.push_back(tokens_.expect_integer("a limit"));
      } while (tokens_.take(","));
      if (word == ".maxntid" || word == ".reqntid") function.max_threads = values;
      if (word == ".reqnctapercluster") function.cluster = values;
    } else if (word == ".pragma") {
      skip_to_semicolon();
    } else if (word == ".blocksareclusters") {
      function.blocks_are_clusters = true;
    } else if (word != ".noreturn" && word != ".explicitcluster") {
      fail("ptx line {}: directive '{}' of a function is unknown", tokens_.line(), word);
    }
  }

  void body(Function& function) {
    int depth = 1;
    while (depth > 0) {
      if (tokens_.take("{")) {
        ++depth;
        function.body.push_back({.kind = StatementKind::scope_begin});
      } else if (tokens_.take("}")) {
        if (--depth > 0) function.body.push_back({.kind = StatementKind::scope_end});
      } else if (!tokens_.take(";")) {
        statement(function);
      }
    }
  }

  void statement(Function& function) {
    const bool is_label = tokens_.peek().kind == TokenKind::word && tokens_.peek(1).text == ":";
    if (is_label) {
      label(function);
    } else if (tokens_.take(".loc")) {
      location();
    } else if (tokens_.take(".pragma")) {
      skip_to_semicolon();
    } else if (sees_state_space(tokens_)) {
      for (Variable& variable : parse_variables(tokens_)) {
        function.body.push_back({.kind = StatementKind::variable, .variable = std::move(variable)});
      }
      tokens_.expect(";");
    } else {
      Instruction instruction = parse_instruction(tokens_);
      instruction.source = source_;
      function.body.push_back({.instruction = std::move(instruction)});
    }
  }

  /// A label, or a list of branch targets or a prototype, which have names like labels.
  void label(Function& function) {
    const std::string name(tokens_.next().text);
    tokens_.expect(":");
    if (tokens_.take(".branchtargets")) {
      std::vector<std::string>& targets = function.branch_targets[name];
      do {
        targets.emplace_back(tokens_.expect_word("a label"));
      } while (tokens_.take(","));
      tokens_.expect(";");
    } else if (tokens_.take(".callprototype")) {
      skip_to_semicolon();
    } else {
      function.body.push_back({.kind = StatementKind::label, .label = name});
    }
  }

  /// `.loc file line column` with, for inlined code, `, function_name label, inlined_at ...`.
  void location() {
    source_ = {};
    source_.file = static_cast<int>(tokens_.expect_integer("the number of a file"));
    source_.line = static_cast<int>(tokens_.expect_integer("a line"));
    tokens_.expect_integer("a column");
    while (tokens_.take(",")) {
      if (tokens_.take("function_name")) {
        tokens_.expect_word("a label");
        if (tokens_.take("+")) tokens_.expect_integer("an offset");
      } else {
        tokens_.expect("inlined_at");
        source_.caller_file = static_cast<int>(tokens_.expect_integer("the number of a file"));
        source_.caller_line = static_cast<int>(tokens_.expect_integer("a line"));
        tokens_.expect_integer("a column");
      }
    }
  }

  void skip_to_semicolon() {
    while (!tokens_.take(";")) {
      if (tokens_.at_end()) tokens_.fail_here("';'");
      tokens_.next();
    }
  }

  TokenStream tokens_;
  Module module_;
  SourceLocation source_;
};

}  // namespace

Module parse_module(std::string_view source) { return Parser(source).run(); }

}  // namespace lq::emulator::ptx
