#include "data/encoded_dataset.h"

#include <new>
#include <utility>

namespace lq {

EncodedDataset::EncodedDataset(std::shared_ptr<const ImageStore> store,
                               std::vector<std::string> classes)
    : store_(std::move(store)), classes_(std::move(classes)) {}

void EncodedDataset::load(std::int64_t index, Image& image) const {
  SourceImage source;
  fetch(index, source);
  image = source.whole();
}

void EncodedDataset::fetch(std::int64_t index, SourceImage& image) const {
  std::vector<std::byte>& bytes = image.set_encoded(store_->path(index));
  try {
    store_->read(index, bytes);
  } catch (const Error& error) {
    throw UnreadableImage(error.what());
  } catch (const std::bad_alloc&) {
    throw UnreadableImage(fmt::format("{}: not enough memory for the file", store_->path(index)));
  }
  image.read_header();
}

DatasetSplits open_images(const ImageFiles& files) {
  return {.train = std::make_shared<EncodedDataset>(files.train, files.classes),
          .test = std::make_shared<EncodedDataset>(files.val, files.classes),
          .warning = files.warning};
}

}  // namespace lq
