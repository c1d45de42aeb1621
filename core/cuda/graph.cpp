#include "core/cuda/graph.h"

#include "core/cuda/check.h"
#include "core/cuda/stream.h"

namespace lq {

namespace {

/// Ends the capture even where an error leaves it.
class Capture {
 public:
  explicit Capture(cudaStream_t stream) : stream_(stream) {
    check_cuda(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal),
               "cudaStreamBeginCapture");
  }
  ~Capture() {
    // A spoilt capture is an error of this call, too, which nobody else shall find.
    if (!is_over_ && cudaStreamEndCapture(stream_, &graph_) != cudaSuccess) cudaGetLastError();
    if (graph_ != nullptr) cudaGraphDestroy(graph_);
  }
  Capture(const Capture&) = delete;
  Capture& operator=(const Capture&) = delete;

  cudaGraph_t end() {
    is_over_ = true;
    check_cuda(cudaStreamEndCapture(stream_, &graph_), "cudaStreamEndCapture");
    return graph_;
  }

 private:
  cudaStream_t stream_;
  cudaGraph_t graph_ = nullptr;
  bool is_over_ = false;
};

}  // namespace

CudaGraph::CudaGraph(Stream& stream, const std::function<void()>& queue) {
  Capture capture(native(stream));
  queue();
  check_cuda(cudaGraphInstantiate(&executable_, capture.end(), 0), "cudaGraphInstantiate");
}

CudaGraph::~CudaGraph() { cudaGraphExecDestroy(executable_); }

void CudaGraph::launch(Stream& stream) const {
  check_cuda(cudaGraphLaunch(executable_, native(stream)), "cudaGraphLaunch");
}

}  // namespace lq
