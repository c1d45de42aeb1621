#include "emulator/ptx/link.h"

#include <iterator>
#include <set>
#include <utility>

#include "core/error.h"

namespace lq::emulator::ptx {
namespace {

using Names = std::map<std::string, std::string, std::less<>>;  // new ones by the old

/// Changes names wherever a module has them, also where they are declared: what a function calls
/// the same stays the same.
class Renamer {
 public:
  explicit Renamer(const Names& names) : names_(names) {}

  void rename(std::string& name) const {
    const auto found = names_.find(name);
    if (found != names_.end()) name = found->second;
  }
  void rename(Variable& variable) const {
    rename(variable.name);
    for (InitializerItem& item : variable.initializer) rename(item.name);
  }
  void rename(Function& function) const {
    rename(function.name);
    for (Variable& variable : function.results) rename(variable);
    for (Variable& variable : function.parameters) rename(variable);
    for (Statement& statement : function.body) {
      rename(statement.label);
      rename(statement.variable);
      rename(statement.instruction.guard);
      for (Operand& operand : statement.instruction.operands) rename(operand);
    }
    for (auto& [list, labels] : std::exchange(function.branch_targets, {})) {
      std::string name = list;
      rename(name);
      for (std::string& label : labels) rename(label);
      function.branch_targets[name] = std::move(labels);
    }
  }

 private:
  void rename(Operand& operand) const {
    rename(operand.name);
    for (Operand& part : operand.parts) rename(part);
  }

  const Names& names_;
};

std::set<std::string> names_in(const Module& module, bool are_local) {
  std::set<std::string> names;
  const auto add = [&](const auto& items) {
    for (const auto& item : items) {
      if ((item.linkage == Linkage::local) == are_local) names.insert(item.name);
    }
  };
  add(module.variables);
  add(module.functions);
  return names;
}

void separate_local_names(std::vector<Module>& modules) {
  std::set<std::string> taken;
  for (const Module& module : modules) taken.merge(names_in(module, false));
  for (std::size_t i = 0; i < modules.size(); ++i) {
    Names names;
    for (const std::string& name : names_in(modules[i], true)) {
      // No name in PTX has this character.
      if (!taken.insert(name).second) names[name] = fmt::format("{}@{}", name, i);
    }
    if (names.empty()) continue;
    const Renamer renamer(names);
    for (Variable& variable : modules[i].variables) renamer.rename(variable);
    for (Function& function : modules[i].functions) renamer.rename(function);
  }
}

void shift_files(Module& module, int offset) {
  if (offset == 0) return;
  for (auto& [index, name] : std::exchange(module.files, {})) module.files[index + offset] = name;
  for (Function& function : module.functions) {
    for (Statement& statement : function.body) {
      statement.instruction.source.file += offset;
      statement.instruction.source.caller_file += offset;
    }
  }
}

Linkage strength(const Variable& variable) { return variable.linkage; }
Linkage strength(const Function& function) {
  return function.has_body ? function.linkage : Linkage::external;
}

/// Variables or functions of all modules.
template <typename Item>
class Merged {
 public:
  void add(std::vector<Item> items) {
    for (Item& item : items) add(std::move(item));
  }
  std::vector<Item> take() { return std::move(items_); }

 private:
  void add(Item item) {
    if (item.linkage != Linkage::local) {
      const auto [known, is_new] = places_.emplace(item.name, items_.size());
      if (!is_new) {
        keep_stronger(items_[known->second], std::move(item));
        return;
      }
    }
    items_.push_back(std::move(item));
  }

  static void keep_stronger(Item& known, Item item) {
    check(strength(known) != Linkage::visible || strength(item) != Linkage::visible,
          "ptx: '{}' has two definitions", item.name);
    if (strength(item) > strength(known)) known = std::move(item);
  }

  std::vector<Item> items_;
  std::map<std::string, std::size_t> places_;  // of shared names
};

}  // namespace

Module link_modules(std::vector<Module> modules) {
  separate_local_names(modules);
  Module result;
  result.version = modules.at(0).version;
  result.target = modules.at(0).target;
  Merged<Variable> variables;
  Merged<Function> functions;
  for (Module& module : modules) {
    result.is_debug |= module.is_debug;
    shift_files(module, result.files.empty() ? 0 : result.files.rbegin()->first);
    result.files.merge(module.files);
    variables.add(std::move(module.variables));
    functions.add(std::move(module.functions));
  }
  result.variables = variables.take();
  result.functions = functions.take();
  return result;
}

}  // namespace lq::emulator::ptx
