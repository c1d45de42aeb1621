#include "data/image_folder.h"

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "core/error.h"
#include "core/io/file.h"
#include "data/file_list.h"
#include "data/image_labels.h"

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

/// The names in a folder, sorted: sub-folders, image files, and other files.
struct Listing {
  std::vector<std::string> folders;
  std::vector<std::string> images;
  std::vector<std::string> others;
};

/// The kind of an entry usually comes with its name, so that no file is looked at. A link may lead
/// to where nothing can be looked at: by the name of an image it stands for one, which cannot be
/// read then; otherwise it may be meant for a folder of images, and is not passed over in silence.
Listing list(const fs::path& folder) {
  Listing listing;
  try {
    for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
      std::string name = entry.path().filename().string();
      if (name.starts_with('.')) continue;
      std::error_code unknown;
      const bool is_image = is_image_name(name);
      if (entry.is_directory(unknown) || (unknown && !is_image)) {
        listing.folders.push_back(std::move(name));
      } else {
        (is_image ? listing.images : listing.others).push_back(std::move(name));
      }
    }
  } catch (const fs::filesystem_error& error) {
    fail("{}: the folder cannot be read: {}", folder.string(), error.code().message());
  }
  for (auto* names : {&listing.folders, &listing.images, &listing.others}) {
    std::ranges::sort(*names);
  }
  return listing;
}

/// How many things of a kind were found, and the first.
struct Findings {
  std::size_t count = 0;
  std::string first;

  /// `place` is the path from the data set's folder.
  void add(const fs::path& place, const std::vector<std::string>& names) {
    if (count == 0 && !names.empty()) first = (place / names.front()).string();
    count += names.size();
  }
};

/// What is passed over though somebody may have meant it to be used.
struct Unused {
  Findings images_beside_classes;
  Findings folders_within_classes;
  Findings other_files_within_classes;
  Findings empty_classes;
};

std::string warning_of(const Unused& unused, const fs::path& root) {
  std::vector<std::string> parts;
  const auto tell = [&parts](const Findings& findings, const char* one, const char* several) {
    if (findings.count == 0) return;
    parts.push_back(fmt::format("{} {} ({})", findings.count, findings.count == 1 ? one : several,
                                findings.first));
  };
  tell(unused.images_beside_classes, "image beside the classes of train",
       "images beside the classes of train");
  tell(unused.folders_within_classes, "folder within classes", "folders within classes");
  tell(unused.other_files_within_classes, "file within classes whose name is not of an image",
       "files within classes whose names are not of images");
  tell(unused.empty_classes, "class of val without images", "classes of val without images");
  if (parts.empty()) return "";
  return fmt::format("{}: not used: {}", root.string(), fmt::join(parts, ", "));
}

/// Returns how many images there are.
std::size_t add_class(const fs::path& split, const std::string& name, std::int32_t label,
                      FileList& files, Unused& unused) {
  const Listing listing = list(split / name);
  for (const std::string& image : listing.images) files.add(name + "/" + image, label);
  unused.folders_within_classes.add(split.filename() / name, listing.folders);
  unused.other_files_within_classes.add(split.filename() / name, listing.others);
  return listing.images.size();
}

std::shared_ptr<const ImageStore> list_train(const fs::path& folder,
                                             const std::vector<std::string>& classes,
                                             Unused& unused) {
  auto files = std::make_shared<FileList>(folder);
  for (std::size_t label = 0; label < classes.size(); ++label) {
    const std::size_t images =
        add_class(folder, classes[label], static_cast<std::int32_t>(label), *files, unused);
    check(images > 0, "{}: the class has no images (.jpeg, .jpg, .png, .ppm or .pgm)",
          (folder / classes[label]).string());
  }
  files->shrink();
  return files;
}

std::shared_ptr<const ImageStore> list_val(const fs::path& root,
                                           const std::vector<std::string>& classes,
                                           Unused& unused) {
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
    const std::size_t images = add_class(folder, name, *label, *files, unused);
    if (images == 0) unused.empty_classes.add(val_folder, {name});
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

ImageFiles list_image_folder(const fs::path& folder) {
  for (const char* split : {train_folder, val_folder}) {
    check(fs::is_directory(status_of(folder / split)),
          "{}: there is no folder {}, expected {}/ and {}/", folder.string(), split, train_folder,
          val_folder);
  }
  const Listing train = list(folder / train_folder);
  const std::vector<std::string>& classes = train.folders;
  check(!classes.empty(), "{}: no folders of classes", (folder / train_folder).string());
  std::vector<std::string> names = read_class_names(folder, classes);
  Unused unused;
  unused.images_beside_classes.add(train_folder, train.images);
  ImageFiles files{.train = list_train(folder / train_folder, classes, unused),
                   .val = list_val(folder, classes, unused),
                   .classes = std::move(names)};
  files.warning = warning_of(unused, folder);
  return files;
}

DatasetSplits open_image_folder(const fs::path& folder) {
  return open_images(list_image_folder(folder));
}

}  // namespace lq
