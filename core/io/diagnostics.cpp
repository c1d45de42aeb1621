#include "core/io/diagnostics.h"

namespace lq {

void write_diagnostic(std::FILE* stream, std::string_view text) noexcept {
  std::fwrite(text.data(), 1, text.size(), stream);
  std::fflush(stream);
}

}  // namespace lq
