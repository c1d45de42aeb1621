#include "bench/cuda/peer_library.h"
#include "core/cuda/stream.h"
#include "core/tensor.h"
#include "kernels/conv2d/cudnn_plan.h"

namespace lq::bench {

namespace {

using kernels::cuda::ConvolutionNumbers;
using kernels::cuda::CudnnHandle;
using kernels::cuda::CudnnPlan;

class CudnnWay final : public PeerWay {
 public:
  CudnnWay(const CudnnHandle& handle, Device device, CudnnPlan plan, const PeerLayer& layer)
      : handle_(handle),
        plan_(std::move(plan)),
        layer_(layer),
        workspace_({plan_.workspace_bytes}, DType::u8, device) {}

  void queue() override {
    kernels::cuda::execute(handle_.get(), plan_, {layer_.x, layer_.weight, layer_.y},
                           workspace_.raw());
  }

 private:
  const CudnnHandle& handle_;
  CudnnPlan plan_;
  PeerLayer layer_;
  Tensor workspace_;
};

class CudnnPeer final : public PeerLibrary {
 public:
  explicit CudnnPeer(Stream& stream) : device_(stream.device()), handle_(device_.index) {
    kernels::cuda::cudnn().check(kernels::cuda::cudnn().set_stream(handle_.get(), native(stream)),
                                 "cudnnSetStream");
  }

  std::string version() const override { return kernels::cuda::cudnn_version(); }
  bool takes(const kernels::Conv2dGeometry&) const override { return true; }
  /// Bytes, as a layer hands them on: cuDNN has one way to give the sums themselves, or none.
  PeerResults results(PeerNumbers numbers) const override {
    return numbers == PeerNumbers::fp16 ? PeerResults::fp16 : PeerResults::int8;
  }

  std::vector<std::unique_ptr<PeerWay>> ways(const PeerLayer& layer) override {
    constexpr std::size_t most = 8;
    std::vector<std::unique_ptr<PeerWay>> ways;
    for (CudnnPlan& plan : kernels::cuda::find_plans(
             {.handle = handle_.get()},
             {.geometry = layer.geometry,
             .is_aligned = true,
             .numbers = layer.numbers == PeerNumbers::fp16 ? ConvolutionNumbers::halves
                                                           : ConvolutionNumbers::bytes,
             .may_vary = true},
             most)) {
      ways.push_back(std::make_unique<CudnnWay>(handle_, device_, std::move(plan), layer));
    }
    return ways;
  }

 private:
  Device device_;
  CudnnHandle handle_;
};

}  // namespace

std::unique_ptr<PeerLibrary> make_cudnn_peer(Stream& stream) {
  return std::make_unique<CudnnPeer>(stream);
}

}  // namespace lq::bench
