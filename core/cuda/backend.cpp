#include "core/cuda/backend.h"

#include <map>
#include <vector>

#include "core/cuda/check.h"
#include "core/cuda/memory.h"
#include "core/cuda/stream.h"
#include "core/environment.h"
#include "core/error.h"

namespace lq {

namespace {

bool caching_wanted() { return switched_by_environment("LQNET_CUDA_CACHE", true); }

class CudaBackend final : public DeviceBackend {
 public:
  CudaBackend() : status_(cudaGetDeviceCount(&count_)) {
    if (status_ != cudaSuccess) {
      cudaGetLastError();
      count_ = 0;
    }
    const bool caching = caching_wanted();
    for (int index = 0; index < count_; ++index) {
      memories_.push_back(std::make_unique<CudaMemory>(index, caching));
    }
  }

  int count() override { return count_; }

  std::string describe(int index) override {
    require(index);
    cudaDeviceProp properties{};
    check_cuda(cudaGetDeviceProperties(&properties, index), "cudaGetDeviceProperties");
    constexpr double bytes_per_gib = 1 << 30;
    return fmt::format("{}, compute capability {}.{}, {:.1f} GiB", properties.name,
                       properties.major, properties.minor,
                       static_cast<double>(properties.totalGlobalMem) / bytes_per_gib);
  }

  DeviceMemory& memory(int index) override {
    require(index);
    return *memories_[static_cast<std::size_t>(index)];
  }

  Stream& default_stream(int index) override {
    require(index);
    thread_local std::map<int, CudaStream> streams;
    return streams.try_emplace(index, index).first->second;
  }

  std::unique_ptr<Stream> make_stream(int index) override {
    require(index);
    return std::make_unique<CudaStream>(index);
  }

  std::unique_ptr<DeviceEvent> make_event(int index) override {
    require(index);
    return std::make_unique<CudaEvent>(index);
  }

  void synchronize(Stream& stream) override {
    const CudaDeviceScope device(stream.device().index);
    check_cuda(cudaStreamSynchronize(native(stream)), "cudaStreamSynchronize");
  }

  void* allocate_pinned(int index, std::size_t bytes) override {
    require(index);
    const CudaDeviceScope device(index);
    void* pointer = nullptr;
    const cudaError_t status = cudaMallocHost(&pointer, bytes);
    if (status == cudaErrorMemoryAllocation) {
      cudaGetLastError();
      fail("out of memory: {} bytes asked for on the host, for copies to cuda:{}", bytes, index);
    }
    check_cuda(status, "cudaMallocHost");
    return pointer;
  }

  void deallocate_pinned(int index, void* pointer) noexcept override {
    const CudaDeviceScope device(index, std::nothrow);
    cudaFreeHost(pointer);
  }

  void copy_pinned(void* to, const void* from, std::size_t bytes, Stream& stream) override {
    if (bytes == 0) return;
    const CudaDeviceScope device(stream.device().index);
    check_cuda(cudaMemcpyAsync(to, from, bytes, cudaMemcpyHostToDevice, native(stream)),
               "cudaMemcpyAsync");
  }

 private:
  void require(int index) const {
    int driver = 0;
    if (status_ == cudaErrorInsufficientDriver) cudaDriverGetVersion(&driver);
    check(status_ != cudaErrorInsufficientDriver || driver != 0,
          "device cuda:{}: this machine has no NVIDIA driver", index);
    check(status_ == cudaSuccess, "device cuda:{}: {} ({})", index, cudaGetErrorString(status_),
          cudaGetErrorName(status_));
    check(index < count_, "device cuda:{}: this machine has {} CUDA device{}", index, count_,
          count_ == 1 ? "" : "s");
  }

  int count_ = 0;
  cudaError_t status_;
  std::vector<std::unique_ptr<CudaMemory>> memories_;
};

}  // namespace

// Never destroyed: tensors in static storage and streams of threads may outlive it otherwise.
DeviceBackend& cuda_backend() {
  static CudaBackend& instance = *new CudaBackend;
  return instance;
}

}  // namespace lq
