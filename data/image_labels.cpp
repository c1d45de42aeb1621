#include "data/image_labels.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <fstream>
#include <initializer_list>

#include "core/error.h"

namespace lq {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view white_space = " \t,\r";

std::optional<fs::path> first_existing(std::initializer_list<fs::path> paths) {
  for (const fs::path& path : paths) {
    if (fs::is_regular_file(path)) return path;
  }
  return std::nullopt;
}

/// Calls visit(line number, first word, rest) for each line that is not empty; the rest begins and
/// ends without white space.
template <typename Visit>
void for_each_line(const fs::path& path, Visit&& visit) {
  std::ifstream stream(path);
  check(stream.good(), "{}: cannot be read", path.string());
  std::int64_t number = 0;
  for (std::string line; std::getline(stream, line);) {
    ++number;
    const std::string_view text = line;
    const std::size_t begin = text.find_first_not_of(white_space);
    if (begin == std::string_view::npos) continue;
    const std::size_t end = std::min(text.find_first_of(white_space, begin), text.size());
    const std::size_t rest = std::min(text.find_first_not_of(white_space, end), text.size());
    const std::size_t last = text.find_last_not_of(white_space);
    visit(number, text.substr(begin, end - begin),
          rest < text.size() ? text.substr(rest, last + 1 - rest) : std::string_view());
  }
}

std::string_view base_name(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

/// A class by its name, or its index.
std::optional<std::int32_t> parse_label(std::string_view text,
                                        std::span<const std::string> classes) {
  if (const auto index = class_index(classes, text)) return index;
  std::int32_t index = 0;
  const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), index);
  const bool is_index = status == std::errc() && end == text.data() + text.size() && index >= 0 &&
                        index < std::ssize(classes);
  return is_index ? std::optional(index) : std::nullopt;
}

}  // namespace

std::optional<std::int32_t> class_index(std::span<const std::string> classes,
                                        std::string_view name) {
  const auto found = std::ranges::lower_bound(classes, name, std::less<>());
  if (found == classes.end() || *found != name) return std::nullopt;
  return static_cast<std::int32_t>(found - classes.begin());
}

std::vector<std::string> read_class_names(const fs::path& folder,
                                          std::span<const std::string> classes) {
  std::vector<std::string> names(classes.begin(), classes.end());
  const auto path = first_existing(
      {folder / "classes.txt", folder / "synset_words.txt", folder / "LOC_synset_mapping.txt"});
  if (!path) return names;
  for_each_line(*path, [&](std::int64_t, std::string_view name, std::string_view called) {
    const auto index = class_index(classes, name);
    if (index && !called.empty()) names[*index] = called;
  });
  return names;
}

std::vector<std::int32_t> read_val_labels(const fs::path& root, const fs::path& folder,
                                          std::span<const std::string> images,
                                          std::span<const std::string> classes) {
  const auto path = first_existing(
      {root / "val_labels.txt", folder / "val_labels.txt", root / "val.txt", folder / "val.txt"});
  check(
      path.has_value(),
      "{}: {} images without folders of classes, and no val_labels.txt (lines \"<image> <class>\") "
      "beside or in it",
      folder.string(), images.size());
  constexpr std::int32_t missing = -1;
  std::vector<std::int32_t> labels(images.size(), missing);
  for_each_line(*path, [&](std::int64_t line, std::string_view name, std::string_view label) {
    const auto image = std::ranges::lower_bound(images, base_name(name), std::less<>());
    check(image != images.end() && *image == base_name(name), "{}:{}: there is no image {} in {}",
          path->string(), line, name, folder.string());
    const std::optional<std::int32_t> index = parse_label(label, classes);
    check(index.has_value(),
          "{}:{}: label is {:?}, expected a class of the training images, or 0 to {}",
          path->string(), line, label, classes.size() - 1);
    std::int32_t& stored = labels[image - images.begin()];
    check(stored == missing, "{}:{}: {} has a label already", path->string(), line, name);
    stored = *index;
  });
  const auto without = std::ranges::find(labels, missing);
  check(without == labels.end(), "{}: no label for {}", path->string(),
        without == labels.end() ? std::string() : images[without - labels.begin()]);
  return labels;
}

}  // namespace lq
