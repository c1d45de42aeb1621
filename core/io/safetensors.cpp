#include "core/io/safetensors.h"

#include <algorithm>
#include <array>
#include <bit>
#include <functional>

#include "core/io/checksum.h"
#include "core/io/elements.h"
#include "core/io/file.h"
#include "core/io/safetensors_header.h"

namespace lq {

namespace {

using safetensors::ChecksumField;
using safetensors::ParsedHeader;
using LengthBytes = std::array<std::byte, safetensors::length_bytes>;

/// A file, or memory that stands for one.
struct Source {
  std::uint64_t size = 0;
  std::function<void(std::uint64_t offset, std::span<std::byte> bytes)> read;
};

Source source_of(const InputFile& file) {
  return {file.size(),
          [&file](std::uint64_t offset, std::span<std::byte> bytes) { file.read(offset, bytes); }};
}

Source source_of(std::span<const std::byte> memory) {
  return {memory.size(), [memory](std::uint64_t offset, std::span<std::byte> bytes) {
            std::ranges::copy(memory.subspan(offset, bytes.size()), bytes.begin());
          }};
}

LengthBytes length_field(std::uint64_t length) { return std::bit_cast<LengthBytes>(length); }

std::string read_header_text(const Source& source) {
  check(source.size >= safetensors::length_bytes, "file has only {} bytes (truncated?)",
        source.size);
  LengthBytes field;
  source.read(0, field);
  const auto length = std::bit_cast<std::uint64_t>(field);
  check(length <= safetensors::max_header_bytes,
        "header length is {}, at most {} is possible: not a safetensors file", length,
        safetensors::max_header_bytes);
  check(length <= source.size - field.size(),
        "header length is {}, but the file has only {} bytes (truncated?)", length, source.size);
  std::string text(length, '\0');
  source.read(field.size(), std::as_writable_bytes(std::span(text)));
  return text;
}

ParsedHeader parse_header(const Source& source, std::string_view text) {
  return safetensors::parse_header(text, source.size - safetensors::length_bytes - text.size());
}

/// The checksum of a file up to its data section, with the digits at `position` as '0'.
Crc32 checksum_of_header(std::string text, std::size_t position) {
  text.replace(position, ChecksumField::digits, ChecksumField::digits, '0');
  Crc32 checksum;
  checksum.update(length_field(text.size()));
  checksum.update(as_bytes(text));
  return checksum;
}

SafetensorsFile load(const Source& source) {
  const std::string text = read_header_text(source);
  ParsedHeader parsed = parse_header(source, text);
  const SafetensorsHeader& header = parsed.header;
  SafetensorsFile file;
  for (const SafetensorsEntry& entry : header.entries) {
    file.tensors.emplace_back(entry.name, Tensor(entry.shape, entry.dtype));
  }
  Crc32 checksum;
  if (parsed.checksum) checksum = checksum_of_header(text, parsed.checksum->position);
  for (const SafetensorsEntry* entry : safetensors::in_order_of_data(header.entries)) {
    const std::span bytes = bytes_of(file.tensors[entry - header.entries.data()].second);
    source.read(header.data_start + entry->begin, bytes);
    if (parsed.checksum) checksum.update(bytes);
  }
  check(!parsed.checksum || parsed.checksum->value == checksum.value(),
        "checksum does not match (file is corrupted)");
  file.metadata = std::move(parsed.header.metadata);
  return file;
}

SafetensorsHeader load_header(const Source& source) {
  return parse_header(source, read_header_text(source)).header;
}

/// Entries in the given order; data by falling element size.
std::vector<SafetensorsEntry> lay_out(std::span<const NamedTensor> tensors) {
  std::vector<SafetensorsEntry> entries;
  for (const auto& [name, tensor] : tensors) {
    check(tensor.defined(), "tensor \"{}\" was never given a value", name);
    entries.push_back({name, tensor.dtype(), tensor.shape()});
  }
  std::uint64_t position = 0;
  for (std::size_t element_bytes : {8, 4, 1}) {
    for (SafetensorsEntry& entry : entries) {
      if (size_of(entry.dtype) != element_bytes) continue;
      entry.begin = position;
      position += static_cast<std::uint64_t>(entry.shape.elements()) * element_bytes;
      entry.end = position;
    }
  }
  return entries;
}

/// The pieces of a file in order; they refer to the tensors and to the text.
class FileImage {
 public:
  FileImage(std::span<const NamedTensor> tensors, Metadata metadata, bool with_checksum) {
    safetensors::check_no_reserved_keys(metadata);
    if (with_checksum) safetensors::add_checksum_entries(metadata);
    const std::vector<SafetensorsEntry> entries = lay_out(tensors);
    text_ = safetensors::header_text(entries, metadata);
    for (const SafetensorsEntry* entry : safetensors::in_order_of_data(entries)) {
      data_.push_back(tensors[entry - entries.data()].second.to(Device{}));
    }
    if (with_checksum) fill_in_checksum();
    length_ = length_field(text_.size());
  }

  std::vector<std::span<const std::byte>> parts() const {
    std::vector<std::span<const std::byte>> parts{length_, as_bytes(text_)};
    for (const Tensor& tensor : data_) parts.push_back(bytes_of(tensor));
    return parts;
  }

 private:
  void fill_in_checksum() {
    const std::size_t position = safetensors::checksum_position(text_);
    Crc32 checksum = checksum_of_header(text_, position);
    for (const Tensor& tensor : data_) checksum.update(bytes_of(tensor));
    text_.replace(position, ChecksumField::digits, safetensors::checksum_digits(checksum.value()));
  }

  LengthBytes length_{};
  std::string text_;
  std::vector<Tensor> data_;  // on the CPU, in the order of the file
};

}  // namespace

const Tensor* SafetensorsFile::find(std::string_view name) const {
  const auto found = std::ranges::find(tensors, name, &NamedTensor::first);
  return found == tensors.end() ? nullptr : &found->second;
}

void save_safetensors(const std::filesystem::path& path, std::span<const NamedTensor> tensors,
                      const Metadata& metadata, const SafetensorsOptions& options) {
  within_file(path, [&] {
    const FileImage image(tensors, metadata, options.checksum);
    write_file_atomically(path, image.parts());
  });
}

std::vector<std::byte> safetensors_bytes(std::span<const NamedTensor> tensors,
                                         const Metadata& metadata,
                                         const SafetensorsOptions& options) {
  const FileImage image(tensors, metadata, options.checksum);
  std::vector<std::byte> bytes;
  for (const std::span<const std::byte> part : image.parts()) {
    bytes.insert(bytes.end(), part.begin(), part.end());
  }
  return bytes;
}

SafetensorsFile load_safetensors(const std::filesystem::path& path) {
  const InputFile file(path);
  return within_file(path, [&] { return load(source_of(file)); });
}

SafetensorsHeader load_safetensors_header(const std::filesystem::path& path) {
  const InputFile file(path);
  return within_file(path, [&] { return load_header(source_of(file)); });
}

SafetensorsFile parse_safetensors(std::span<const std::byte> file) { return load(source_of(file)); }

SafetensorsHeader parse_safetensors_header(std::span<const std::byte> file) {
  return load_header(source_of(file));
}

}  // namespace lq
