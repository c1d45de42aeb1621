#include "core/io/safetensors_header.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <nlohmann/json.hpp>

#include "core/io/elements.h"

namespace lq::safetensors {

namespace {

using Json = nlohmann::json;

constexpr std::string_view metadata_name = "__metadata__";
constexpr std::string_view checksum_key = "checksum";
constexpr std::string_view checksum_prefix = "crc32:";
constexpr std::string_view writer_key = "writer";
constexpr std::string_view writer_value = "lqnet";

constexpr DTypeNames dtype_names = {{{DType::f32, "F32"},
                                     {DType::f64, "F64"},
                                     {DType::i32, "I32"},
                                     {DType::i64, "I64"},
                                     {DType::u8, "U8"}}};

/// Text from a file for one line of a message: quoted, control characters escaped, cut off.
std::string displayed(std::string_view text) {
  constexpr std::size_t longest = 100;
  if (text.size() <= longest) return fmt::format("{:?}", text);
  return fmt::format("{:?}...", text.substr(0, longest));
}

DType known_dtype(std::string_view tensor, std::string_view name) {
  if (const auto dtype = dtype_named(dtype_names, name)) return *dtype;
  fail("tensor {}: dtype {} is not supported, expected F32, F64, I32, I64 or U8", displayed(tensor),
       displayed(name));
}

/// Receives the JSON text event by event and accepts exactly the form of a header, so that
/// nothing is stored that a header cannot have: no deep nesting, no foreign values.
class HeaderReader final : public Json::json_sax_t {
 public:
  std::vector<SafetensorsEntry> take_entries() { return std::move(entries_); }
  Metadata take_metadata() { return std::move(metadata_); }

  bool start_object(std::size_t) override {
    if (place_ == Place::outside) {
      place_ = Place::top;
    } else if (place_ == Place::top) {
      start_entry();
    } else {
      refuse("an object");
    }
    return true;
  }

  bool end_object() override {
    if (place_ == Place::tensor) finish_tensor();
    place_ = place_ == Place::top ? Place::outside : Place::top;
    return true;
  }

  bool key(std::string& text) override {
    if (place_ == Place::top) {
      name_ = std::move(text);
    } else if (place_ == Place::metadata) {
      metadata_key_ = std::move(text);
      check(!metadata_.contains(metadata_key_), "metadata key {} occurs twice",
            displayed(metadata_key_));
    } else {
      start_field(text);
    }
    return true;
  }

  bool string(std::string& text) override {
    if (place_ == Place::metadata) {
      metadata_.emplace(std::move(metadata_key_), std::move(text));
    } else if (place_ == Place::tensor && field_ == Field::dtype) {
      dtype_ = known_dtype(name_, text);
    } else {
      refuse("a string");
    }
    return true;
  }

  bool start_array(std::size_t) override {
    const bool expected =
        place_ == Place::tensor && (field_ == Field::shape || field_ == Field::offsets);
    if (!expected) refuse("an array");
    place_ = Place::numbers;
    return true;
  }

  bool end_array() override {
    place_ = Place::tensor;
    return true;
  }

  bool number_unsigned(std::uint64_t value) override {
    if (place_ != Place::numbers) refuse("a number");
    if (field_ == Field::shape) {
      append(extents_, value, "dimensions");
    } else {
      append(offsets_, value, "data_offsets");
    }
    return true;
  }

  bool number_integer(std::int64_t) override { refuse("a negative number"); }
  bool number_float(double, const std::string&) override {
    refuse("a number that is not a 64-bit integer");
  }
  bool null() override { refuse("null"); }
  bool boolean(bool) override { refuse("true or false"); }
  bool binary(Json::binary_t&) override { refuse("binary data"); }

  bool parse_error(std::size_t position, const std::string&, const Json::exception&) override {
    fail("header is not valid JSON at byte {}", position);
  }

 private:
  enum class Place : unsigned char { outside, top, metadata, tensor, numbers };
  enum class Field : unsigned char { dtype, shape, offsets };

  template <std::size_t capacity>
  struct Numbers {
    std::array<std::uint64_t, capacity> values{};
    std::size_t count = 0;
  };

  template <std::size_t capacity>
  void append(Numbers<capacity>& numbers, std::uint64_t value, std::string_view what) {
    check(numbers.count < capacity, "tensor {}: more than {} {}", displayed(name_), capacity, what);
    numbers.values[numbers.count++] = value;
  }

  [[noreturn]] void refuse(std::string_view given) const {
    if (place_ == Place::outside) fail("header is {}, expected an object", given);
    if (place_ == Place::metadata) {
      fail("metadata {} is {}, expected a string", displayed(metadata_key_), given);
    }
    fail("tensor {}: {} is not expected here", displayed(name_), given);
  }

  void start_entry() {
    if (name_ == metadata_name) {
      check(!has_metadata_, "{} occurs twice", metadata_name);
      has_metadata_ = true;
      place_ = Place::metadata;
      return;
    }
    place_ = Place::tensor;
    fields_seen_ = {};
    extents_ = {};
    offsets_ = {};
  }

  void start_field(std::string_view text) {
    constexpr std::array<std::string_view, 3> names = {"dtype", "shape", "data_offsets"};
    const auto found = std::ranges::find(names, text);
    check(found != names.end(), "tensor {}: key {} is not known", displayed(name_),
          displayed(text));
    const auto index = static_cast<std::size_t>(found - names.begin());
    check(!fields_seen_[index], "tensor {}: {} occurs twice", displayed(name_), text);
    fields_seen_[index] = true;
    field_ = static_cast<Field>(index);
  }

  void finish_tensor() {
    check(fields_seen_[0] && fields_seen_[1] && fields_seen_[2],
          "tensor {}: dtype, shape or data_offsets is missing", displayed(name_));
    check(offsets_.count == 2, "tensor {}: {} data_offsets, expected 2", displayed(name_),
          offsets_.count);
    const auto [begin, end] = offsets_.values;
    const Shape extents = shape();
    const auto elements = static_cast<std::uint64_t>(extents.elements());
    check(begin <= end && (end - begin) % size_of(dtype_) == 0 &&
              (end - begin) / size_of(dtype_) == elements,
          "tensor {}: data_offsets [{}, {}] do not fit {} elements of {}", displayed(name_), begin,
          end, elements, name_of(dtype_names, dtype_));
    entries_.push_back({std::move(name_), dtype_, extents, begin, end});
  }

  Shape shape() const {
    std::array<std::int64_t, Shape::max_rank> extents{};
    for (std::size_t axis = 0; axis < extents_.count; ++axis) {
      check(extents_.values[axis] <= std::numeric_limits<std::int64_t>::max(),
            "tensor {}: dimension {} is too large", displayed(name_), axis);
      extents[axis] = static_cast<std::int64_t>(extents_.values[axis]);
    }
    try {
      return Shape(std::span<const std::int64_t>(extents.data(), extents_.count));
    } catch (const Error& error) {
      fail("tensor {}: {}", displayed(name_), error.what());
    }
  }

  Place place_ = Place::outside;
  bool has_metadata_ = false;
  std::string metadata_key_;
  Metadata metadata_;

  std::string name_;
  Field field_ = Field::dtype;
  std::array<bool, 3> fields_seen_{};
  DType dtype_ = DType::f32;
  Numbers<Shape::max_rank> extents_;
  Numbers<2> offsets_;
  std::vector<SafetensorsEntry> entries_;
};

void check_names_differ(std::span<const SafetensorsEntry> entries) {
  std::vector<std::string_view> names;
  names.reserve(entries.size());
  for (const SafetensorsEntry& entry : entries) names.emplace_back(entry.name);
  std::ranges::sort(names);
  const auto twice = std::ranges::adjacent_find(names);
  if (twice != names.end()) fail("tensor {} occurs twice", displayed(*twice));
}

/// The tensors must cover the data section exactly: no holes, no overlaps, nothing left over.
void check_data_is_covered(std::span<const SafetensorsEntry> entries, std::uint64_t data_bytes) {
  std::uint64_t covered = 0;
  for (const SafetensorsEntry* entry : in_order_of_data(entries)) {
    check(entry->begin == covered, "tensor {} starts at byte {} of the data, expected {}",
          displayed(entry->name), entry->begin, covered);
    check(entry->end <= data_bytes,
          "tensor {} ends at byte {} of the data, but the file has only {} (truncated?)",
          displayed(entry->name), entry->end, data_bytes);
    covered = entry->end;
  }
  check(covered == data_bytes, "{} bytes follow the last tensor", data_bytes - covered);
}

/// Takes the entries of lqnet out of the metadata.
std::optional<ChecksumField> take_checksum(Metadata& metadata, std::string_view text) {
  const auto writer = metadata.find(std::string(writer_key));
  const bool written_by_lqnet = writer != metadata.end() && writer->second == writer_value;
  if (written_by_lqnet) metadata.erase(writer);
  const auto entry = metadata.extract(std::string(checksum_key));
  if (entry.empty()) {
    check(!written_by_lqnet, "checksum is missing (file is corrupted)");
    return std::nullopt;
  }
  ChecksumField field;
  field.position = checksum_position(text);
  const std::string_view digits = text.substr(field.position, ChecksumField::digits);
  std::from_chars(digits.begin(), digits.end(), field.value, 16);
  check(entry.mapped() == fmt::format("{}{}", checksum_prefix, checksum_digits(field.value)),
        "checksum {} is not of the form crc32:<8 hex digits>", displayed(entry.mapped()));
  return field;
}

std::string json_text(std::string_view text) {
  try {
    return Json(text).dump();
  } catch (const Json::exception&) {
    fail("{} is not UTF-8 text", displayed(text));
  }
}

std::string entry_text(const SafetensorsEntry& entry) {
  return fmt::format(R"({}:{{"dtype":"{}","shape":[{}],"data_offsets":[{},{}]}})",
                     json_text(entry.name), name_of(dtype_names, entry.dtype),
                     fmt::join(entry.shape.extents(), ","), entry.begin, entry.end);
}

}  // namespace

std::vector<const SafetensorsEntry*> in_order_of_data(std::span<const SafetensorsEntry> entries) {
  std::vector<const SafetensorsEntry*> order;
  order.reserve(entries.size());
  for (const SafetensorsEntry& entry : entries) order.push_back(&entry);
  std::ranges::stable_sort(
      order, {}, [](const SafetensorsEntry* entry) { return std::pair(entry->begin, entry->end); });
  return order;
}

ParsedHeader parse_header(std::string_view text, std::uint64_t data_bytes) {
  // The parser would skip a byte order mark and stop at a zero byte; the format has neither.
  check(text.starts_with('{'), "header does not start with '{{'");
  check(text.find('\0') == std::string_view::npos, "header has a zero byte");
  HeaderReader reader;
  Json::sax_parse(text.begin(), text.end(), &reader);
  ParsedHeader result;
  result.header.entries = reader.take_entries();
  result.header.metadata = reader.take_metadata();
  result.header.data_start = length_bytes + text.size();
  check_names_differ(result.header.entries);
  check_data_is_covered(result.header.entries, data_bytes);
  result.checksum = take_checksum(result.header.metadata, text);
  return result;
}

std::string header_text(std::span<const SafetensorsEntry> entries, const Metadata& metadata) {
  check_names_differ(entries);
  std::vector<std::string> parts;
  if (!metadata.empty()) {
    std::vector<std::string> pairs;
    for (const auto& [key, value] : metadata)
      pairs.push_back(json_text(key) + ":" + json_text(value));
    parts.push_back(fmt::format("\"{}\":{{{}}}", metadata_name, fmt::join(pairs, ",")));
  }
  for (const SafetensorsEntry& entry : entries) {
    check(entry.name != metadata_name, "tensor name {} is reserved", metadata_name);
    parts.push_back(entry_text(entry));
  }
  std::string text = fmt::format("{{{}}}", fmt::join(parts, ","));
  constexpr std::size_t alignment = 8;
  static_assert(length_bytes % alignment == 0);
  text.resize((text.size() + alignment - 1) / alignment * alignment, ' ');
  check(text.size() <= max_header_bytes, "header has {} bytes, at most {} are possible",
        text.size(), max_header_bytes);
  return text;
}

void check_no_reserved_keys(const Metadata& metadata) {
  for (std::string_view key : {checksum_key, writer_key}) {
    check(!metadata.contains(std::string(key)), "metadata key \"{}\" is reserved", key);
  }
}

void add_checksum_entries(Metadata& metadata) {
  metadata[std::string(writer_key)] = writer_value;
  metadata[std::string(checksum_key)] = fmt::format("{}{}", checksum_prefix, checksum_digits(0));
}

// A quote that ends a string or belongs to one is never at the start of `"checksum" : "crc32:`:
// inside a string it is escaped, and after a string comes no letter. Tensors have no string value
// under that key. So what is found is the metadata entry.
std::size_t checksum_position(std::string_view text) {
  const auto after_spaces = [&](std::size_t position) {
    return std::min(text.find_first_not_of(" \t\r\n", position), text.size());
  };
  const std::string key = fmt::format("\"{}\"", checksum_key);
  const std::string value_start = fmt::format("\"{}", checksum_prefix);
  for (std::size_t found = text.find(key); found != std::string_view::npos;
       found = text.find(key, found + 1)) {
    const bool escaped = found > 0 && text[found - 1] == '\\';
    const std::size_t colon = after_spaces(found + key.size());
    if (escaped || !text.substr(colon).starts_with(':')) continue;
    const std::size_t value = after_spaces(colon + 1);
    if (text.substr(value).starts_with(value_start)) return value + value_start.size();
  }
  fail("checksum is not of the form crc32:<8 hex digits>");
}

std::string checksum_digits(std::uint32_t value) { return fmt::format("{:08x}", value); }

}  // namespace lq::safetensors
