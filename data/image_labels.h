// The text files beside a folder of images (data/image_folder.h).
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lq {

/// Where `name` is among the sorted names of the classes.
std::optional<std::int32_t> class_index(std::span<const std::string> classes,
                                        std::string_view name);

/// What the classes are called, by classes.txt, synset_words.txt or LOC_synset_mapping.txt in
/// `folder`; their own names where there is none of these, or no line for a class.
std::vector<std::string> read_class_names(const std::filesystem::path& folder,
                                          std::span<const std::string> classes);

/// The labels of the images, which are sorted by name, by val_labels.txt or val.txt in `root` or
/// `folder`. Folders in front of names do not count. All labels of a file are names of classes, or
/// all are indices. Throws Error for a missing file, and in one line that names file and line for a
/// label that is unknown, given twice or of no image, for names beside indices, where both readings
/// are possible and differ, and for an image without a label.
std::vector<std::int32_t> read_val_labels(const std::filesystem::path& root,
                                          const std::filesystem::path& folder,
                                          std::span<const std::string> images,
                                          std::span<const std::string> classes);

}  // namespace lq
