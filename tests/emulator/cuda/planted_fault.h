// The command line of programs of planted faults: `PROGRAM NAME fault|correct` launches one kernel.
#pragma once

#include <cstdlib>
#include <cstring>
#include <string>

struct PlantedFault {
  std::string name;  // of the kernel
  bool fault;        // false: its correct twin
};

inline PlantedFault planted_fault(int argc, char** argv) {
  if (argc != 3) std::exit(2);
  return {argv[1], std::strcmp(argv[2], "fault") == 0};
}
