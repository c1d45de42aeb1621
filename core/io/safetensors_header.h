// The header of a safetensors file: its text, and what the text says. Internal to core/io.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "core/io/safetensors.h"

namespace lq::safetensors {

inline constexpr std::uint64_t length_bytes = 8;
/// What other implementations of the format accept too.
inline constexpr std::uint64_t max_header_bytes = 100'000'000;

/// The checksum entry of a header.
struct ChecksumField {
  std::uint32_t value = 0;
  std::size_t position = 0;  ///< of the first of the `digits` digits in the header's text

  static constexpr std::size_t digits = 8;
};

struct ParsedHeader {
  SafetensorsHeader header;
  std::optional<ChecksumField> checksum;
};

/// Checks the text against the format and against the size of the data section.
ParsedHeader parse_header(std::string_view text, std::uint64_t data_bytes);

/// The text of a header, padded so that the data section starts at a multiple of 8 bytes.
std::string header_text(std::span<const SafetensorsEntry> entries, const Metadata& metadata);

/// The entries as their data lies in the file.
std::vector<const SafetensorsEntry*> in_order_of_data(std::span<const SafetensorsEntry> entries);

/// Refuses metadata of the caller under the keys of lqnet.
void check_no_reserved_keys(const Metadata& metadata);
/// The metadata entries of lqnet, the checksum with '0' digits.
void add_checksum_entries(Metadata& metadata);
/// Position of the checksum's digits in the text of a header that has the entry.
std::size_t checksum_position(std::string_view text);
/// The digits of a checksum.
std::string checksum_digits(std::uint32_t value);

}  // namespace lq::safetensors
