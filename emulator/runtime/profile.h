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
  /// As the settings ask: nothing, or to the standard error stream or their file. Throws Error if
  /// that cannot be written.
  void write_counters(const Settings& settings) const;
  /// A line "launches name" for each of the kernels, also for those without a launch, to the file
  /// of the settings, if there is one. Throws Error if it cannot be written.
  void write_launches(const Settings& settings, const std::vector<std::string>& kernels) const;

 private:
  struct Kernel {
    std::uint64_t launches = 0;
    Counters counters;
  };
  // Modules may have kernels of one name.
  std::map<std::pair<std::string, const Program*>, Kernel> kernels_;
};

}  // namespace lq::emulator
