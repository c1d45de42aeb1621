#include "core/io/mapped_file.h"

#include <sys/mman.h>

#include <cerrno>
#include <system_error>

namespace lq {

MappedFile::MappedFile(const std::filesystem::path& path) {
  const InputFile file(path);
  if (file.size() == 0) return;  // the system maps no empty files
  void* address =
      ::mmap(nullptr, file.size(), PROT_READ, MAP_PRIVATE, file.descriptor(), /*offset=*/0);
  within_file(path, [&] {
    check(address != MAP_FAILED, "cannot map: {}", std::generic_category().message(errno));
  });
  bytes_ = {static_cast<const std::byte*>(address), file.size()};
}

MappedFile::~MappedFile() {
  if (!bytes_.empty()) ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
}

}  // namespace lq
