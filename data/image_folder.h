// Folders of image files by class, in ImageNet's layout.
#pragma once

#include <filesystem>

#include "data/encoded_dataset.h"

namespace lq {

/// Lists the files of a folder:
///
///     train/<class>/<any name>.JPEG     every class has a folder (ImageNet: n01440764), and images
///     val/<class>/<any name>.JPEG       either so,
///     val/<any name>.JPEG               or flat, with
///     val_labels.txt (or val.txt)       a line "<name> <label>" for each image, in the folder
///                                       or in val/; labels are classes, or all of them are
///                                       indices
///     classes.txt                       optional: lines "<class> <name>", what the class is called
///
/// Classes are numbered by the order of their folders' names, and images are in the order of their
/// classes and names. Images are files whose name ends in .jpeg, .jpg, .png, .ppm or .pgm, in upper
/// or lower case; the content decides the format. Images beside the classes of train/, folders and
/// other files within classes, and classes of val/ without images are passed over with a warning;
/// what begins with a point, and other files elsewhere, without one. synset_words.txt and
/// LOC_synset_mapping.txt also stand for classes.txt.
///
/// No image is read. Throws Error, in one line that names the file or folder, for folders
/// that are missing or cannot be read, a class of train/ without images, a class of val/ that
/// train/ does not have, and labels that are missing, unknown, ambiguous, given twice or of no
/// image.
ImageFiles list_image_folder(const std::filesystem::path& folder);

/// The same as images.
DatasetSplits open_image_folder(const std::filesystem::path& folder);

}  // namespace lq
