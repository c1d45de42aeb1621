#include "data/image_folder.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <fstream>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "data/encoded_dataset.h"
#include "data/file_list.h"
#include "data/image_labels.h"
#include "data/shards.h"

namespace lq {

namespace {

namespace fs = std::filesystem;

constexpr const char* train_folder = "train";
constexpr const char* val_folder = "val";

bool is_image_name(std::string_view name) {
  constexpr std::array<std::string_view, 5> extensions{".jpeg", ".jpg", ".png", ".ppm", ".pgm"};
  const std::size_t point = name.rfind('.');
  if (name.starts_with('.') || point == std::string_view::npos) return false;
  std::string extension(name.substr(point));
  std::ranges::transform(extension, extension.begin(), [](unsigned char letter) {
    return static_cast<char>(letter >= 'A' && letter <= 'Z' ? letter - 'A' + 'a' : letter);
  });
  return std::ranges::find(extensions, extension) != extensions.end();
}

/// The names in a folder, sorted: sub-folders, and image files.
struct Listing {
  std::vector<std::string> folders;
  std::vector<std::string> images;
};

/// The kind of an entry usually comes with its name, so that no file is looked at.
Listing list(const fs::path& folder) {
  Listing listing;
  try {
    for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
      std::string name = entry.path().filename().string();
      if (name.starts_with('.')) continue;
      if (entry.is_directory()) {
        listing.folders.push_back(std::move(name));
      } else if (is_image_name(name)) {
        listing.images.push_back(std::move(name));
      }
    }
  } catch (const fs::filesystem_error& error) {
    fail("{}: the folder cannot be read: {}", folder.string(), error.code().message());
  }
  std::ranges::sort(listing.folders);
  std::ranges::sort(listing.images);
  return listing;
}

void add_class(const fs::path& split, const std::string& name, std::int32_t label,
               FileList& files) {
  for (const std::string& image : list(split / name).images) files.add(name + "/" + image, label);
}

std::shared_ptr<const ImageStore> list_train(const fs::path& folder,
                                             const std::vector<std::string>& classes) {
  auto files = std::make_shared<FileList>(folder);
  for (std::size_t label = 0; label < classes.size(); ++label) {
    const std::int64_t before = files->size();
    add_class(folder, classes[label], static_cast<std::int32_t>(label), *files);
    check(files->size() > before, "{}: the class has no images",
          (folder / classes[label]).string());
  }
  files->shrink();
  return files;
}

std::shared_ptr<const ImageStore> list_val(const fs::path& root,
                                           const std::vector<std::string>& classes) {
  const fs::path folder = root / val_folder;
  const Listing listing = list(folder);
  auto files = std::make_shared<FileList>(folder);
  check(listing.images.empty() || listing.folders.empty(),
        "{}: images beside folders ({} and {}), expected either", folder.string(),
        listing.images.empty() ? "" : listing.images.front(),
        listing.folders.empty() ? "" : listing.folders.front());
  for (const std::string& name : listing.folders) {
    const std::optional<std::int32_t> label = class_index(classes, name);
    check(label.has_value(), "{}: the class is not in {}", (folder / name).string(),
          (root / train_folder).string());
    add_class(folder, name, *label, *files);
  }
  if (!listing.images.empty()) {
    const std::vector<std::int32_t> labels = read_val_labels(root, folder, listing.images, classes);
    for (std::size_t i = 0; i < labels.size(); ++i) files->add(listing.images[i], labels[i]);
  }
  check(files->size() > 0, "{}: no images", folder.string());
  files->shrink();
  return files;
}

}  // namespace

DatasetSplits open_image_folder(const fs::path& folder) {
  if (holds_shards(folder)) return open_shards(folder);
  for (const char* split : {train_folder, val_folder}) {
    check(fs::is_directory(folder / split), "{}: there is no folder {}, expected {}/ and {}/",
          folder.string(), split, train_folder, val_folder);
  }
  const std::vector<std::string> classes = list(folder / train_folder).folders;
  check(!classes.empty(), "{}: no folders of classes", (folder / train_folder).string());
  const std::vector<std::string> names = read_class_names(folder, classes);
  const auto dataset = [&](std::shared_ptr<const ImageStore> images) {
    return std::make_shared<EncodedDataset>(std::move(images), names);
  };
  return {dataset(list_train(folder / train_folder, classes)), dataset(list_val(folder, classes))};
}

}  // namespace lq
