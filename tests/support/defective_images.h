// Data sets that tests damage.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "data/dataset.h"

namespace lq::testing {

/// Another data set as it is: for those that change something of it.
class OtherDataset : public Dataset {
 public:
  explicit OtherDataset(std::shared_ptr<const Dataset> all) : all_(std::move(all)) {}

  std::int64_t size() const override { return all_->size(); }
  Shape image_shape() const override { return all_->image_shape(); }
  std::span<const std::string> classes() const override { return all_->classes(); }
  std::int32_t label(std::int64_t index) const override { return all_->label(index); }
  void load(std::int64_t index, Image& image) const override { all_->load(index, image); }

 private:
  std::shared_ptr<const Dataset> all_;
};

/// Images of another data set, some of which `refuse` throws for.
class DefectiveImages final : public OtherDataset {
 public:
  DefectiveImages(std::shared_ptr<const Dataset> all, std::function<void(std::int64_t)> refuse)
      : OtherDataset(std::move(all)), refuse_(std::move(refuse)) {}

  void load(std::int64_t index, Image& image) const override {
    refuse_(index);
    OtherDataset::load(index, image);
  }

 private:
  std::function<void(std::int64_t)> refuse_;
};

/// Images of another data set, whose classes are all called "name".
class RenamedClasses final : public OtherDataset {
 public:
  explicit RenamedClasses(const std::shared_ptr<const Dataset>& all)
      : OtherDataset(all), classes_(all->classes().size(), "name") {}

  std::span<const std::string> classes() const override { return classes_; }

 private:
  std::vector<std::string> classes_;
};

}  // namespace lq::testing
