#include "data/file_list.h"

#include "data/image_file.h"

namespace lq {

void FileList::add(std::string_view name, std::int32_t label) {
  names_.add(name);
  labels_.push_back(label);
}

void FileList::shrink() {
  names_.shrink();
  labels_.shrink_to_fit();
}

std::string FileList::path(std::int64_t index) const { return (folder_ / name(index)).string(); }

void FileList::read(std::int64_t index, std::vector<std::byte>& bytes) const {
  read_image_file(folder_ / name(index), bytes);
}

}  // namespace lq
