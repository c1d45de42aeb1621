// Which memory each value of a packed network lives in.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "deploy/packed_model.h"

namespace lq::deploy {

/// Elements of one image.
std::int64_t elements_of(const Value& value);
/// Words from one plane of bits to the next, 0 for other values: an odd number of cache lines, so
/// that the same pixel's words in several planes do not compete for one place in the cache.
std::int64_t plane_words_of(const Value& value, std::int64_t batch);

/// Bytes of a batch.
std::size_t bytes_of(const Value& value, std::int64_t batch);

struct StoragePlan {
  /// In one block of memory; nothing for the input and the output, which the caller has.
  std::vector<std::optional<std::size_t>> offsets;
  std::size_t bytes = 0;  ///< of the block
};

/// Values share memory as far as their lifetimes allow, unless all are to be kept.
StoragePlan plan_storage(const PackedModel& model, std::int64_t batch, bool keep_values);

}  // namespace lq::deploy
