// Views that public calls must refuse, or take though they are not as usual.
#pragma once

#include <algorithm>
#include <vector>

#include "core/stream.h"
#include "core/tensor.h"
#include "core/view.h"

namespace lq::testing {

/// The same view, said to lie on a device that no stream of a test serves: "cuda:7".
template <typename T>
View<T> elsewhere(View<T> view) {
  view.device = {DeviceType::cuda, 7};
  return view;
}

/// A copy of a host tensor on the stream's device that begins one element behind an aligned
/// address.
class Unaligned {
 public:
  Unaligned(Stream& stream, const Tensor& host) : shape_(host.shape()) {
    std::vector<float> values(1);
    values.insert(values.end(), host.span<float>().begin(), host.span<float>().end());
    copy_ = Tensor::from<float>(values, {std::ssize(values)}, stream.device());
  }
  View<float> view() { return {copy_.data<float>() + 1, shape_, copy_.device()}; }
  Tensor host() const {
    const Tensor all = copy_.to(Device{});
    Tensor result(shape_);
    std::ranges::copy(all.span<float>().subspan(1), result.span<float>().begin());
    return result;
  }

 private:
  Shape shape_;
  Tensor copy_;
};

}  // namespace lq::testing
