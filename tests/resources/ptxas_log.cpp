#include "tests/resources/ptxas_log.h"

#include <algorithm>
#include <optional>
#include <regex>

#include "core/error.h"

namespace lq::testing {

namespace {

std::int64_t number(const std::csub_match& match) {
  return match.matched ? std::stoll(match.str()) : 0;
}

class Reader {
 public:
  void read(const std::string& line) {
    static const std::regex entry(".*Compiling entry function '([^']+)' for 'sm_([0-9]+[a-z]?)'");
    static const std::regex stack(
        " *([0-9]+) bytes stack frame, ([0-9]+) bytes spill stores, ([0-9]+) bytes spill loads");
    static const std::regex used(
        ".*Used ([0-9]+) registers(?:, used ([0-9]+) barriers)?.*?(?:, ([0-9]+) bytes "
        "smem)?(?:,.*)?");
    std::cmatch match;
    const char* const text = line.c_str();
    if (std::regex_match(text, match, entry)) {
      expect_registers();
      kernels_.push_back({.kernel = match[1].str(), .architecture = match[2].str()});
      has_registers_ = false;
    } else if (std::regex_match(text, match, stack)) {
      KernelResources& kernel = last(line);
      kernel.stack_bytes = std::max(kernel.stack_bytes, number(match[1]));
      kernel.spilled_bytes += number(match[2]) + number(match[3]);
    } else if (std::regex_match(text, match, used)) {
      KernelResources& kernel = last(line);
      kernel.registers = static_cast<int>(number(match[1]));
      kernel.barriers = static_cast<int>(number(match[2]));
      kernel.shared_bytes = number(match[3]);
      has_registers_ = true;
    }
  }

  std::vector<KernelResources> finish() {
    expect_registers();
    return std::move(kernels_);
  }

 private:
  KernelResources& last(const std::string& line) {
    check(!kernels_.empty(), "ptxas log: '{}' before any kernel", line);
    return kernels_.back();
  }
  void expect_registers() const {
    check(has_registers_, "ptxas log: no count of registers for {}",
          kernels_.empty() ? "" : kernels_.back().kernel);
  }

  std::vector<KernelResources> kernels_;
  bool has_registers_ = true;
};

}  // namespace

std::vector<KernelResources> read_ptxas_log(std::string_view text) {
  Reader reader;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    reader.read(std::string(text.substr(0, end)));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return reader.finish();
}

}  // namespace lq::testing
