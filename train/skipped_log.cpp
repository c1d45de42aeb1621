#include "train/skipped_log.h"

#include <fmt/format.h>

#include <sstream>
#include <system_error>
#include <utility>

#include "core/error.h"
#include "core/io/file.h"

namespace lq {

SkippedLog::SkippedLog(std::filesystem::path path, bool resumed) : path_(std::move(path)) {
  std::error_code error;
  if (!resumed) {
    std::filesystem::remove(path_, error);
    check(!error, "{}: cannot be removed: {}", path_.string(), error.message());
  } else if (std::filesystem::exists(path_, error)) {
    const std::vector<std::byte> bytes = read_file(path_);
    std::istringstream text(std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
    for (std::string line; std::getline(text, line);) lines_.insert(std::move(line));
  }
}

void SkippedLog::add(std::string_view part, const SkippedImages& skipped) {
  const std::size_t before = lines_.size();
  for (const std::string& message : skipped.messages) {
    if (lines_.size() == SkippedImages::most_messages) break;
    lines_.insert(fmt::format("{}: {}", part, message));
  }
  if (lines_.size() == before) return;
  write_file_atomically(path_, as_bytes(fmt::format("{}\n", fmt::join(lines_, "\n"))));
}

}  // namespace lq
