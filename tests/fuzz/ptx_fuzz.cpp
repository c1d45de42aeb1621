// Feeds the PTX parser arbitrary text; libFuzzer supplies main(). Only an Error may come out, or a
// module.

#include <string_view>

#include "core/error.h"
#include "emulator/ptx/parser.h"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  try {
    lq::emulator::ptx::parse_module({reinterpret_cast<const char*>(data), size});
  } catch (const lq::Error&) {
  }
  return 0;
}
