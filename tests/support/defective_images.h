// Data sets that tests damage.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <utility>

#include "data/dataset.h"

namespace lq::testing {

/// Images of another data set, some of which `refuse` throws for.
class DefectiveImages final : public Dataset {
 public:
  DefectiveImages(std::shared_ptr<const Dataset> all, std::function<void(std::int64_t)> refuse)
      : all_(std::move(all)), refuse_(std::move(refuse)) {}

  std::int64_t size() const override { return all_->size(); }
  Shape image_shape() const override { return all_->image_shape(); }
  std::span<const std::string> classes() const override { return all_->classes(); }
  std::int32_t label(std::int64_t index) const override { return all_->label(index); }
  void load(std::int64_t index, Image& image) const override {
    refuse_(index);
    all_->load(index, image);
  }

 private:
  std::shared_ptr<const Dataset> all_;
  std::function<void(std::int64_t)> refuse_;
};

}  // namespace lq::testing
