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
  for (const SkippedImage& one : skipped.named) {
    if (lines_.size() == SkippedImages::most_named) break;
    add(part, one.image, one.message);
  }
  if (lines_.size() == before) return;
  write_file_atomically(path_, as_bytes(fmt::format("{}\n", fmt::join(lines_, "\n"))));
}

/// What is wrong may be another thing later: a line of the image is enough.
void SkippedLog::add(std::string_view part, std::string_view image, std::string_view message) {
  if (image.empty()) {
    lines_.insert(fmt::format("{}: {}", part, message));
    return;
  }
  const std::string name = fmt::format("{}: ", image);
  const std::string begin = fmt::format("{}: {}", part, name);
  const auto found = lines_.lower_bound(begin);
  if (found != lines_.end() && found->starts_with(begin)) return;
  const std::size_t place = message.find(name);
  if (place != std::string_view::npos) message.remove_prefix(place + name.size());
  lines_.insert(begin + std::string(message));
}

}  // namespace lq
