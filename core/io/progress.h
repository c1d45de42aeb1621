// What a person sees while work goes on.
#pragma once

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <optional>
#include <string>
#include <string_view>

namespace lq {

/// Where a run, or other work of many steps, stands.
struct ProgressState {
  std::string label;       ///< "epoch 2/3"
  std::int64_t step = 0;   ///< done, of `steps`
  std::int64_t steps = 1;  ///< of the epoch
  // What there is not is not shown.
  std::optional<double> loss = std::nullopt;      ///< mean over the epoch so far
  std::optional<double> accuracy = std::nullopt;  ///< fraction in [0, 1], the same
  std::optional<double> images_per_s = std::nullopt;
  std::optional<double> seconds_left = std::nullopt;  ///< of the whole run
  bool bar_only = false;                              ///< not worth a line where there is no bar
};

/// "0:07", "12:34" or "3:05:09"; rounded to seconds, negative counts as 0.
std::string format_duration(double seconds);

/// One line of text, no line feed: "epoch 2/3  120/469  loss 0.4321  accuracy 84.21 %  ...".
std::string progress_text(const ProgressState& state);

/// The same with a bar after the label, at most `width` columns: the bar gives way first, then the
/// end of the line.
std::string progress_bar(const ProgressState& state, int width);

struct ProgressOptions {
  /// Where to print; null prints nothing.
  std::FILE* stream = stderr;
  /// Whether a bar is redrawn in place; asked of the stream when absent.
  std::optional<bool> terminal = std::nullopt;
  /// Columns; asked of the terminal at each redraw when absent, 80 when it does not tell.
  std::optional<int> width = std::nullopt;
  /// Shortest time between two redraws of the bar.
  std::chrono::milliseconds redraw_interval{100};
};

/// On a terminal a bar that is redrawn in place, a few times a second at most; elsewhere a plain
/// line about every tenth of an epoch. Failures to print are ignored: a closed terminal must not
/// end a run. Used by one thread.
class Progress {
 public:
  explicit Progress(const ProgressOptions& options = {});
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// Call it as often as convenient; `step` equal to 1 begins an epoch anew.
  void update(const ProgressState& state);
  /// Prints a line that stays, above the bar.
  void line(std::string_view text);
  /// Removes the bar, if there is one.
  void clear();

 private:
  void redraw(const ProgressState& state);
  void print_tenth(const ProgressState& state);
  void print(std::string_view text);

  ProgressOptions options_;
  bool terminal_;
  bool bar_shown_ = false;
  std::int64_t last_tenth_ = 0;
  std::int64_t last_step_ = 0;
  std::chrono::steady_clock::time_point next_redraw_{};
};

}  // namespace lq
