// An operation of a packed network that is ready to run.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "core/packed_layout.h"
#include "core/stream.h"
#include "deploy/packed_model.h"

namespace lq::deploy {

/// Where a value lies: elements of N images, N H W C, or planes of bits as in packed_layout.h.
struct ValuePlace {
  std::byte* data = nullptr;
  std::int64_t plane_words = 0;  ///< of bit-planes: words from one plane to the next
};

/// The code of a channel of a pixel, counted in N H W, of a value in bit-planes.
inline std::uint32_t code_at(const Value& value, const ValuePlace& place, std::int64_t pixel,
                             std::int64_t channel) {
  const auto* word = reinterpret_cast<const std::uint32_t*>(place.data) +
                     pixel * packed::words(value.c) + packed::word_of(channel);
  std::uint32_t code = 0;
  for (int j = 0; j < value.planes; ++j) {
    code |= (word[j * place.plane_words] >> packed::bit_of(channel) & 1U) << j;
  }
  return code;
}

class Operator {
 public:
  virtual ~Operator() = default;

  /// Scratch memory that each worker needs, aligned to 64 bytes.
  virtual std::size_t scratch_bytes() const { return 0; }

  /// Memory that the operation's weights take.
  virtual std::size_t weight_bytes() const { return 0; }

  /// Says where all values of the model lie and how many images the coming runs have. Allocates
  /// nothing.
  virtual void bind(std::span<const ValuePlace> places, std::int64_t batch) = 0;

  /// Computes a share of the results; they are complete when every worker's call has returned, and
  /// do not depend on the number of workers. Allocates nothing; does not throw on the CPU. Throws
  /// Error where a GPU refuses the work.
  virtual void run(kernels::Slice slice, std::span<std::byte> scratch) const = 0;
};

/// The operator of an operation of a model that passes validate().
std::unique_ptr<Operator> make_operator(const PackedModel& model, const Operation& operation,
                                        Stream& stream);

/// By kind of operation, for the CPU.
std::unique_ptr<Operator> make_operator(const PackedModel& model, const MaxPool& operation);
std::unique_ptr<Operator> make_operator(const PackedModel& model, const AveragePool& operation);
std::unique_ptr<Operator> make_operator(const PackedModel& model,
                                        const GlobalAveragePool& operation);
std::unique_ptr<Operator> make_operator(const PackedModel& model, const Dequantize& operation);
std::unique_ptr<Operator> make_operator(const PackedModel& model, const ChannelPad& operation);
std::unique_ptr<Operator> make_operator(const PackedModel& model, const Concat& operation);

/// Convolutions run wherever kernels/bitconv does.
std::unique_ptr<Operator> make_convolution_operator(const Convolution& operation, Stream& stream);

/// The other kinds on a GPU: a run is queued on the stream, and has one slice.
namespace cuda {
std::unique_ptr<Operator> make_operator(const PackedModel& model, const MaxPool& operation,
                                        Stream& stream);
std::unique_ptr<Operator> make_operator(const PackedModel& model, const AveragePool& operation,
                                        Stream& stream);
std::unique_ptr<Operator> make_operator(const PackedModel& model,
                                        const GlobalAveragePool& operation, Stream& stream);
std::unique_ptr<Operator> make_operator(const PackedModel& model, const Dequantize& operation,
                                        Stream& stream);
std::unique_ptr<Operator> make_operator(const PackedModel& model, const ChannelPad& operation,
                                        Stream& stream);
std::unique_ptr<Operator> make_operator(const PackedModel& model, const Concat& operation,
                                        Stream& stream);
}  // namespace cuda

/// A worker's part of `count` things.
struct Share {
  std::int64_t begin;
  std::int64_t end;
};

inline Share share_of(std::int64_t count, kernels::Slice slice) {
  return {count * slice.index / slice.count, count * (slice.index + 1) / slice.count};
}

}  // namespace lq::deploy
