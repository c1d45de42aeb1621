#include "data/shards.h"

#include <memory>
#include <system_error>
#include <utility>

#include "core/error.h"
#include "core/io/checksum.h"
#include "core/io/file.h"
#include "data/image_folder.h"
#include "data/shard_index.h"

namespace lq {

namespace {

namespace fs = std::filesystem;

constexpr const char* index_file = "index.lqshards";

/// Of one part: two of them leave half of the usual limit of 1024 to the rest of the process.
constexpr std::size_t most_open_shards = 256;

std::string shard_name(const char* split, std::size_t number) {
  return fmt::format("{}-{:05}.shard", split, number);
}

/// The images of one part.
class ShardStore final : public ImageStore {
 public:
  ShardStore(const fs::path& folder, const char* split_name, ShardSplit split)
      : split_(std::move(split)) {
    for (std::size_t i = 0; i < split_.shard_bytes.size(); ++i) {
      InputFile shard(folder / shard_name(split_name, i));
      check(shard.size() == split_.shard_bytes[i],
            "{}: {} bytes, expected {}: damaged or truncated", shard.path().string(), shard.size(),
            split_.shard_bytes[i]);
      paths_.push_back(shard.path());
      if (open_.size() < most_open_shards) open_.push_back(std::move(shard));
    }
  }

  std::int64_t size() const override { return std::ssize(split_.entries); }
  std::string_view name(std::int64_t index) const override { return split_.names[index]; }
  std::string path(std::int64_t index) const override {
    return fmt::format("{}: {}", paths_[split_.entries[index].shard].string(), name(index));
  }
  std::int32_t label(std::int64_t index) const override { return split_.entries[index].label; }

  void read(std::int64_t index, std::vector<std::byte>& bytes) const override {
    const ShardEntry& entry = split_.entries[index];
    check(entry.size > 0, "{}: was empty, or could not be read when it was packed", path(index));
    bytes.resize(entry.size);
    if (entry.shard < open_.size()) {
      open_[entry.shard].read(entry.offset, bytes);
    } else {
      InputFile(paths_[entry.shard]).read(entry.offset, bytes);
    }
    check(crc32(bytes) == entry.checksum, "{}: the image is damaged (checksum)", path(index));
  }

 private:
  ShardSplit split_;
  std::vector<fs::path> paths_;
  std::vector<InputFile> open_;  // the first ones
};

/// Packs one part.
class ShardWriter {
 public:
  ShardWriter(fs::path folder, const char* split, const ShardOptions& options, ShardSplit& index)
      : folder_(std::move(folder)), split_(split), options_(options), index_(index) {}

  void add(const ImageStore& images, std::int64_t i, SkippedImages& skipped) {
    read(images, i, skipped);
    if (!shard_) open();
    shard_->write(bytes_);
    std::uint64_t& end = index_.shard_bytes.back();
    index_.entries.push_back({.shard = static_cast<std::uint32_t>(index_.shard_bytes.size() - 1),
                              .offset = end,
                              .size = static_cast<std::uint32_t>(bytes_.size()),
                              .checksum = crc32(bytes_),
                              .label = images.label(i)});
    index_.names.add(images.name(i));
    end += bytes_.size();
    if (end >= options_.shard_bytes) close();
  }
  void close() {
    if (shard_) shard_->commit();
    shard_.reset();
  }

 private:
  void read(const ImageStore& images, std::int64_t i, SkippedImages& skipped) {
    try {
      images.read(i, bytes_);
      unreadable_in_a_row_ = 0;
    } catch (const Error& error) {
      bytes_.clear();
      skipped.add(error.what());
      ++unreadable_in_a_row_;
      check(unreadable_in_a_row_ < SkippedImages::most_in_a_row,
            "none of {} images in a row could be read (is the folder still there?); the last: {}",
            unreadable_in_a_row_, error.what());
    }
  }
  void open() {
    shard_ = std::make_unique<AtomicFile>(folder_ / shard_name(split_, index_.shard_bytes.size()));
    index_.shard_bytes.push_back(0);
  }

  fs::path folder_;
  const char* split_;
  const ShardOptions& options_;
  ShardSplit& index_;
  std::unique_ptr<AtomicFile> shard_;
  std::vector<std::byte> bytes_;
  std::int64_t unreadable_in_a_row_ = 0;
};

}  // namespace

bool holds_shards(const fs::path& folder) {
  return fs::is_regular_file(status_of(folder / index_file));
}

ImageFiles list_shards(const fs::path& folder) {
  const fs::path path = folder / index_file;
  ShardIndex index = within_file(path, [&] { return parse_shard_index(read_file(path)); });
  const auto store = [&](std::size_t split) {
    return std::make_shared<ShardStore>(folder, shard_split_names[split],
                                        std::move(index.splits[split]));
  };
  return {.train = store(0), .val = store(1), .classes = std::move(index.classes)};
}

DatasetSplits open_shards(const fs::path& folder) { return open_images(list_shards(folder)); }

ShardResult write_shards(const fs::path& folder, const fs::path& output,
                         const ShardOptions& options) {
  check(fs::is_directory(status_of(folder)), "{}: there is no such folder", folder.string());
  std::error_code error;
  // Shards would stand for the folder from then on, whatever becomes of its images.
  check(!fs::equivalent(folder, output, error), "{}: the output is the folder that is packed",
        output.string());
  const ImageFiles files = holds_shards(folder) ? list_shards(folder) : list_image_folder(folder);
  fs::create_directories(output, error);
  check(!error, "{}: the output folder cannot be made: {}", output.string(), error.message());
  check(!holds_shards(output), "{}: the folder already holds shards ({})", output.string(),
        index_file);
  ShardIndex index;
  index.classes = files.classes;
  ShardResult result{.skipped = {}, .warning = files.warning};
  const std::int64_t all = files.train->size() + files.val->size();
  std::int64_t done = 0;
  for (std::size_t split = 0; split < index.splits.size(); ++split) {
    const ImageStore& store = split == 0 ? *files.train : *files.val;
    ShardWriter writer(output, shard_split_names[split], options, index.splits[split]);
    for (std::int64_t i = 0; i < store.size(); ++i) {
      writer.add(store, i, result.skipped);
      if (options.on_image) options.on_image(++done, all);
    }
    writer.close();
  }
  check(result.skipped.count < all, "{}: none of {} images could be read", folder.string(), all);
  write_file_atomically(output / index_file, encode_shard_index(index));
  return result;
}

}  // namespace lq
