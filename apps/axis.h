// From values to pixels, and the marks between.
#pragma once

#include <string>
#include <vector>

namespace lq::apps {

/// A linear axis: `low` lies at pixel `from`, `high` at pixel `to`.
struct Axis {
  double low = 0;
  double high = 1;
  double from = 0;
  double to = 1;

  double operator()(double value) const {
    return from + (value - low) / (high - low) * (to - from);
  }
};

struct Tick {
  double value = 0;
  std::string label;  ///< all of an axis have the same number of decimals
};

/// Marks at 1, 2 or 5 times a power of ten, at most `most` (4 or more) and at least one,
/// within [low, high].
std::vector<Tick> ticks(double low, double high, int most);

/// The smallest value that is a mark and at least `value`, for an axis from 0; above 0.
double rounded_up(double value, int most_ticks);

}  // namespace lq::apps
