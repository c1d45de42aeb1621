#include "train/metrics_log.h"

#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <system_error>
#include <vector>

#include "core/error.h"
#include "core/io/file.h"

namespace lq {

namespace {

using nlohmann::ordered_json;

/// Whether `line` is whole and not of a later step.
bool belongs_to_resumed_run(const std::string& line, std::int64_t resume_after) {
  const ordered_json object = ordered_json::parse(line, nullptr, /*allow_exceptions=*/false);
  if (!object.is_object()) return false;
  const auto step = object.find("step");
  return step != object.end() && step->is_number_integer() &&
         step->get<std::int64_t>() <= resume_after;
}

std::string text_of(const std::filesystem::path& path) {
  const std::vector<std::byte> bytes = read_file(path);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

void drop_later_lines(const std::filesystem::path& path, std::int64_t resume_after) {
  std::error_code error;
  if (std::filesystem::status(path, error).type() == std::filesystem::file_type::not_found) return;
  const std::string text = text_of(path);
  std::string kept;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (belongs_to_resumed_run(line, resume_after)) kept += line + '\n';
  }
  if (kept != text) write_file_atomically(path, as_bytes(kept));
}

}  // namespace

MetricsLog::MetricsLog(std::filesystem::path path, std::optional<std::int64_t> resume_after)
    : path_(std::move(path)) {
  if (resume_after) drop_later_lines(path_, *resume_after);
  file_.open(path_, resume_after ? std::ios::app : std::ios::trunc);
  check(file_.is_open(), "{}: cannot be opened for writing", path_.string());
}

void MetricsLog::write(const StepMetrics& metrics) {
  write_line(ordered_json{{"kind", "step"},
                          {"epoch", metrics.epoch},
                          {"step", metrics.step},
                          {"loss", metrics.loss},
                          {"accuracy", metrics.accuracy},
                          {"learning_rate", metrics.learning_rate},
                          {"images_per_s", metrics.images_per_s},
                          {"seconds", metrics.seconds}}
                 .dump());
}

void MetricsLog::write(const EpochMetrics& metrics) {
  write_line(ordered_json{{"kind", "epoch"},
                          {"epoch", metrics.epoch},
                          {"step", metrics.step},
                          {"train_loss", metrics.train_loss},
                          {"train_accuracy", metrics.train_accuracy},
                          {"test_loss", metrics.test_loss},
                          {"test_accuracy", metrics.test_accuracy},
                          {"test_top5_accuracy", metrics.test_top5_accuracy},
                          {"learning_rate", metrics.learning_rate},
                          {"images_per_s", metrics.images_per_s},
                          {"seconds", metrics.seconds}}
                 .dump());
}

void MetricsLog::write_warning(std::int64_t step, std::string_view message) {
  // A message may name a file, whose name can be any bytes.
  constexpr int one_line = -1;
  constexpr bool ascii_only = false;
  write_line(ordered_json{{"kind", "warning"}, {"step", step}, {"message", message}}.dump(
      one_line, ' ', ascii_only, ordered_json::error_handler_t::replace));
}

void MetricsLog::write_line(std::string_view line) {
  file_ << line << '\n' << std::flush;
  check(file_.good(), "{}: cannot be written (is the disk full?)", path_.string());
}

}  // namespace lq
