#include "core/io/progress.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>

#include "core/io/diagnostics.h"

namespace lq {

namespace {

constexpr int default_width = 80;
constexpr int widest_bar = 40;
constexpr int narrowest_bar = 8;

int terminal_width(std::FILE* stream) {
  winsize size{};
  if (ioctl(fileno(stream), TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return default_width;
  return size.ws_col;
}

std::string numbers_text(const ProgressState& state) {
  std::string text = fmt::format("{}/{}", state.step, state.steps);
  if (state.loss) text += fmt::format("  loss {:.4f}", *state.loss);
  if (state.accuracy) text += fmt::format("  accuracy {:.2f} %", 100.0 * *state.accuracy);
  if (state.images_per_s) text += fmt::format("  {:.0f} images/s", *state.images_per_s);
  if (state.seconds_left) text += fmt::format("  left {}", format_duration(*state.seconds_left));
  return text;
}

std::string bar_text(const ProgressState& state, int cells) {
  const double done = static_cast<double>(state.step) / static_cast<double>(state.steps);
  const int filled = std::clamp(static_cast<int>(done * cells), 0, cells);
  const bool has_tip = filled > 0 && filled < cells;
  return fmt::format("[{:=<{}}{}{: <{}}]", "", filled - (has_tip ? 1 : 0), has_tip ? ">" : "", "",
                     cells - filled);
}

}  // namespace

std::string format_duration(double seconds) {
  const auto total = std::llround(std::max(0.0, seconds));
  const auto hours = total / 3600;
  const auto minutes = total / 60 % 60;
  if (hours == 0) return fmt::format("{}:{:02}", minutes, total % 60);
  return fmt::format("{}:{:02}:{:02}", hours, minutes, total % 60);
}

std::string progress_text(const ProgressState& state) {
  return fmt::format("{}  {}", state.label, numbers_text(state));
}

std::string progress_bar(const ProgressState& state, int width) {
  const std::string numbers = numbers_text(state);
  const int frame = 4;  // two brackets, a space on each side
  const int cells =
      std::min(widest_bar, width - static_cast<int>(state.label.size() + numbers.size()) - frame);
  std::string text = cells < narrowest_bar
                         ? fmt::format("{}  {}", state.label, numbers)
                         : fmt::format("{} {} {}", state.label, bar_text(state, cells), numbers);
  text.resize(std::min(text.size(), static_cast<std::size_t>(std::max(0, width))));
  return text;
}

Progress::Progress(const ProgressOptions& options)
    : options_(options),
      terminal_(options.stream != nullptr &&
                options.terminal.value_or(isatty(fileno(options.stream)) == 1)) {}

Progress::~Progress() { clear(); }

void Progress::update(const ProgressState& state) {
  if (options_.stream == nullptr) return;
  if (terminal_) {
    redraw(state);
  } else if (!state.bar_only) {
    print_tenth(state);
  }
}

void Progress::redraw(const ProgressState& state) {
  const auto now = std::chrono::steady_clock::now();
  if (now < next_redraw_) return;
  next_redraw_ = now + options_.redraw_interval;
  const int width = options_.width.value_or(terminal_width(options_.stream));
  // The last column stays free: a character there makes some terminals wrap.
  print(fmt::format("\r{}\x1b[K", progress_bar(state, width - 1)));
  bar_shown_ = true;
}

void Progress::print_tenth(const ProgressState& state) {
  if (state.step <= last_step_) last_tenth_ = 0;  // a new epoch
  last_step_ = state.step;
  const std::int64_t tenth = 10 * state.step / state.steps;
  // The line at the end of an epoch is the caller's summary.
  if (tenth <= last_tenth_ || state.step == state.steps) return;
  last_tenth_ = tenth;
  print(progress_text(state) + "\n");
}

void Progress::line(std::string_view text) {
  clear();
  print(fmt::format("{}\n", text));
}

void Progress::clear() {
  if (bar_shown_) print("\r\x1b[K");
  bar_shown_ = false;
}

void Progress::print(std::string_view text) {
  if (options_.stream != nullptr) write_diagnostic(options_.stream, text);
}

}  // namespace lq
