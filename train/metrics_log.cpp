#include "train/metrics_log.h"

#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <system_error>
#include <vector>

#include "core/error.h"
#include "core/io/file.h"
#include "train/json_text.h"

namespace lq {

namespace {

using nlohmann::ordered_json;

/// The step of a line; none of one that is not whole.
std::optional<std::int64_t> step_of(const ordered_json& line) {
  if (!line.is_object()) return {};
  const auto step = line.find("step");
  if (step == line.end() || !step->is_number_integer()) return {};
  return step->get<std::int64_t>();
}

bool is_evaluation(const ordered_json& line) {
  const auto kind = line.find("kind");
  return kind != line.end() && *kind == "epoch";
}

std::string text_of(const std::filesystem::path& path) {
  const std::vector<std::byte> bytes = read_file(path);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

MetricsLog::MetricsLog(std::filesystem::path path, std::optional<std::int64_t> resume_after,
                       bool evaluation_due)
    : path_(std::move(path)) {
  if (resume_after) keep_lines(*resume_after, evaluation_due);
  file_.open(path_, resume_after ? std::ios::app : std::ios::trunc);
  check(file_.is_open(), "{}: cannot be opened for writing", path_.string());
}

void MetricsLog::keep_lines(std::int64_t resume_after, bool evaluation_due) {
  std::error_code error;
  if (std::filesystem::status(path_, error).type() == std::filesystem::file_type::not_found) return;
  const std::string text = text_of(path_);
  std::string kept;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    const ordered_json object = ordered_json::parse(line, nullptr, /*allow_exceptions=*/false);
    const std::optional<std::int64_t> step = step_of(object);
    if (!step || *step > resume_after) continue;
    if (*step == resume_after) {
      if (evaluation_due && is_evaluation(object)) break;
      kept_at_resume_.insert(line);
    }
    kept += line + '\n';
  }
  if (kept != text) write_file_atomically(path_, as_bytes(kept));
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
  const std::string line =
      dump_as_text(ordered_json{{"kind", "warning"}, {"step", step}, {"message", message}});
  if (!kept_at_resume_.contains(line)) write_line(line);
}

void MetricsLog::write_line(std::string_view line) {
  file_ << line << '\n' << std::flush;
  check(file_.good(), "{}: cannot be written (is the disk full?)", path_.string());
}

}  // namespace lq
