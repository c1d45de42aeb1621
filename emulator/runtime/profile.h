// What kernels did, as a table or as JSON.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "emulator/machine/block.h"
#include "emulator/runtime/settings.h"

namespace lq::emulator {

class Profile {
 public:
  void add(const Program& program, const std::string& kernel, const Counters& counters);
  /// To the standard error stream, or the file of the settings. Throws Error if that cannot be
  /// written.
  void print(const Settings& settings) const;
  /// A line "launches name" for each of the kernels, also for those without a launch. Throws Error
  /// if the file cannot be written.
  void write_launches(const std::vector<std::string>& kernels, const std::string& file) const;

 private:
  struct Kernel {
    std::uint64_t launches = 0;
    Counters counters;
  };
  // Modules may have kernels of one name.
  std::map<std::pair<std::string, const Program*>, Kernel> kernels_;
};

}  // namespace lq::emulator
