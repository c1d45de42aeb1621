#include "data/file_list.h"

#include "core/io/file.h"
#include "data/image_file.h"

namespace lq {

void FileList::add(std::string_view name, std::int32_t label) {
  names_.insert(names_.end(), name.begin(), name.end());
  ends_.push_back(names_.size());
  labels_.push_back(label);
}

void FileList::shrink() {
  names_.shrink_to_fit();
  ends_.shrink_to_fit();
  labels_.shrink_to_fit();
}

std::string_view FileList::name(std::int64_t index) const {
  const std::uint64_t begin = index == 0 ? 0 : ends_[index - 1];
  return {names_.data() + begin, ends_[index] - begin};
}

std::string FileList::path(std::int64_t index) const { return (folder_ / name(index)).string(); }

void FileList::read(std::int64_t index, std::vector<std::byte>& bytes) const {
  const std::filesystem::path path = folder_ / name(index);
  const InputFile file(path);
  within_file(path, [&] {
    check(file.size() <= most_image_file_bytes, "{} bytes, expected at most {}", file.size(),
          most_image_file_bytes);
    bytes.resize(file.size());
    file.read(0, bytes);
  });
}

}  // namespace lq
