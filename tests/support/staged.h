// Host tensors as arguments of kernels on any device.
//
//   kernels::relu_forward(stream, on(stream, x), on(stream, y));
#pragma once

#include <utility>

#include "core/stream.h"
#include "core/tensor.h"
#include "tests/support/level_tables.h"

namespace lq::testing {

/// Whether the host cannot read what kernels write.
inline bool is_elsewhere(const Stream& stream) { return stream.device() != Device{}; }

/// A view of a host tensor on the stream's device: of the tensor itself on the CPU, and else of a
/// copy, which is copied back when the object goes, at the end of the call that it is an argument
/// of.
template <typename T>
class Staged {
 public:
  Staged(Stream& stream, Tensor host) : host_(std::move(host)), copy_(host_.to(stream.device())) {}
  ~Staged() {
    if (copy_.device() != host_.device()) host_.copy_from(copy_);
  }
  Staged(const Staged&) = delete;
  Staged& operator=(const Staged&) = delete;

  View<T> view() { return copy_.template view<T>(); }
  operator View<T>() { return view(); }        // NOLINT: implicit on purpose
  operator View<const T>() { return view(); }  // NOLINT: implicit on purpose

 private:
  Tensor host_;
  Tensor copy_;
};

/// The same for a tensor that is only read.
template <typename T>
class StagedInput {
 public:
  StagedInput(Stream& stream, const Tensor& host) : copy_(host.to(stream.device())) {}

  View<const T> view() const { return copy_.template view<T>(); }
  operator View<const T>() const { return view(); }  // NOLINT: implicit on purpose

 private:
  Tensor copy_;
};

/// An argument that the call may change; of an expression like tensor.slice(1, 2), too.
template <typename T = float>
Staged<T> on(Stream& stream, Tensor& host) {
  return {stream, host};
}
template <typename T = float>
Staged<T> on(Stream& stream, Tensor&& host) {
  return {stream, std::move(host)};
}

/// An argument that the call only reads.
template <typename T = float>
StagedInput<T> on(Stream& stream, const Tensor& host) {
  return {stream, host};
}

class StagedTable {
 public:
  StagedTable(Stream& stream, const TableTensors& host) : copy_(host.to(stream.device())) {}

  kernels::LevelTableView view() const { return copy_.view(); }
  operator kernels::LevelTableView() const { return view(); }  // NOLINT: implicit on purpose

 private:
  TableTensors copy_;
};

inline StagedTable on(Stream& stream, const TableTensors& host) { return {stream, host}; }
inline StagedTable on(Stream& stream, TableTensors& host) { return {stream, std::as_const(host)}; }

/// Moves the statistics to the stream's device and back.
class StagedStatistics {
 public:
  StagedStatistics(Stream& stream, StatisticsTensors& host) : host_(host) {
    host.move_to(stream.device());
  }
  ~StagedStatistics() { host_.move_to(Device{}); }
  StagedStatistics(const StagedStatistics&) = delete;
  StagedStatistics& operator=(const StagedStatistics&) = delete;

  kernels::LevelStatistics view() { return host_.view(); }
  operator kernels::LevelStatistics() { return view(); }  // NOLINT: implicit on purpose

 private:
  StatisticsTensors& host_;
};

inline StagedStatistics on(Stream& stream, StatisticsTensors& host) { return {stream, host}; }

}  // namespace lq::testing
