#include "data/name_list.h"

namespace lq {

void NameList::add(std::string_view name) {
  names_.insert(names_.end(), name.begin(), name.end());
  ends_.push_back(names_.size());
}

void NameList::shrink() {
  names_.shrink_to_fit();
  ends_.shrink_to_fit();
}

std::string_view NameList::operator[](std::int64_t index) const {
  const std::uint64_t begin = index == 0 ? 0 : ends_[index - 1];
  return {names_.data() + begin, ends_[index] - begin};
}

}  // namespace lq
