#include "data/image_labels.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <fstream>
#include <initializer_list>
#include <utility>

#include "core/error.h"
#include "core/io/file.h"

namespace lq {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view white_space = " \t,\r";

std::optional<fs::path> first_existing(std::initializer_list<fs::path> paths) {
  for (const fs::path& path : paths) {
    if (fs::is_regular_file(status_of(path))) return path;
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

std::optional<std::int32_t> parse_index(std::string_view text,
                                        std::span<const std::string> classes) {
  std::int32_t index = 0;
  const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), index);
  const bool is_index = status == std::errc() && end == text.data() + text.size() && index >= 0 &&
                        index < std::ssize(classes);
  return is_index ? std::optional(index) : std::nullopt;
}

/// A line of the file of labels.
struct LabelLine {
  std::int64_t number;
  std::size_t image;  // where it is among the images
  std::string label;
};

std::vector<LabelLine> read_label_lines(const fs::path& path, const fs::path& folder,
                                        std::span<const std::string> images) {
  std::vector<LabelLine> lines;
  for_each_line(path, [&](std::int64_t number, std::string_view name, std::string_view label) {
    const auto image = std::ranges::lower_bound(images, base_name(name), std::less<>());
    check(image != images.end() && *image == base_name(name), "{}:{}: there is no image {} in {}",
          path.string(), number, name, folder.string());
    lines.push_back({number, static_cast<std::size_t>(image - images.begin()), std::string(label)});
  });
  return lines;
}

/// Of the lines, in one way to read them.
using Labels = std::vector<std::optional<std::int32_t>>;

struct LabelReadings {
  Labels by_name;
  Labels by_index;
};

/// The first line that has no label, or lines.end().
auto first_without(const Labels& labels, const std::vector<LabelLine>& lines) {
  const auto none = std::ranges::find(labels, false, &Labels::value_type::has_value);
  return lines.begin() + (none - labels.begin());
}

LabelReadings read_both_ways(const fs::path& path, const std::vector<LabelLine>& lines,
                             std::span<const std::string> classes) {
  LabelReadings readings;
  for (const LabelLine& line : lines) {
    readings.by_name.push_back(class_index(classes, line.label));
    readings.by_index.push_back(parse_index(line.label, classes));
    check(readings.by_name.back() || readings.by_index.back(),
          "{}:{}: label is {:?}, expected a class of the training images, or 0 to {}",
          path.string(), line.number, line.label, classes.size() - 1);
  }
  return readings;
}

/// The labels of all lines. Where names of classes are numbers, a line alone does not tell which it
/// has: all lines are read in the same way.
Labels read_one_way(const fs::path& path, const std::vector<LabelLine>& lines,
                    std::span<const std::string> classes) {
  LabelReadings readings = read_both_ways(path, lines, classes);
  const auto no_name = first_without(readings.by_name, lines);
  const auto no_index = first_without(readings.by_index, lines);
  if (no_name != lines.end() && no_index != lines.end()) {
    fail(
        "{}:{}: label is {:?}, the number of a class, but that of line {} is the class {:?}; "
        "expected either in all lines",
        path.string(), no_name->number, no_name->label, no_index->number, no_index->label);
  }
  if (no_name != lines.end()) return std::move(readings.by_index);
  if (no_index != lines.end()) return std::move(readings.by_name);
  const auto [name, index] = std::ranges::mismatch(readings.by_name, readings.by_index);
  if (name != readings.by_name.end()) {
    const LabelLine& line = lines[name - readings.by_name.begin()];
    fail(
        "{}:{}: label is {:?}, a class and also the number of class {:?}, and all other lines can "
        "be read both ways, too; expected folders of classes instead of the file",
        path.string(), line.number, line.label, classes[**index]);
  }
  return std::move(readings.by_name);
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
  const std::vector<LabelLine> lines = read_label_lines(*path, folder, images);
  const Labels of_lines = read_one_way(*path, lines, classes);
  constexpr std::int32_t missing = -1;
  std::vector<std::int32_t> labels(images.size(), missing);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    std::int32_t& stored = labels[lines[i].image];
    check(stored == missing, "{}:{}: {} has a label already", path->string(), lines[i].number,
          images[lines[i].image]);
    stored = *of_lines[i];
  }
  const auto without = std::ranges::find(labels, missing);
  if (without != labels.end()) {
    const auto others = std::ranges::count(labels, missing) - 1;
    fail("{}: no label for {}{}", path->string(), images[without - labels.begin()],
         others == 0 ? std::string() : fmt::format(" and {} more", others));
  }
  return labels;
}

}  // namespace lq
