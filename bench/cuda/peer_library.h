// Libraries that compute a layer in numbers of 8 or 16 bits, to compare with.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/stream.h"
#include "kernels/common/conv2d_geometry.h"

namespace lq::bench {

enum class PeerNumbers : unsigned char {
  fp16,  ///< halves, with sums of floats and a result of halves
  int8   ///< signed bytes, with sums of 32-bit integers
};

/// "fp16", "int8".
std::string_view name_of(PeerNumbers numbers);

/// Of int8: saturated bytes, or the sums.
enum class PeerResults : unsigned char { fp16, int8, int32 };

/// x N H W C, weight O R S C and y N P Q O, contiguous on the device from multiples of 16 bytes on.
struct PeerLayer {
  kernels::Conv2dGeometry geometry;
  PeerNumbers numbers = PeerNumbers::fp16;
  const void* x = nullptr;
  const void* weight = nullptr;
  void* y = nullptr;  ///< has room for four bytes an element
};

/// One way to compute a layer.
class PeerWay {
 public:
  virtual ~PeerWay() = default;
  /// Gives the work to the stream that the library has.
  virtual void queue() = 0;
};

class PeerLibrary {
 public:
  virtual ~PeerLibrary() = default;
  /// "cuDNN 9.19.0".
  virtual std::string version() const = 0;
  /// Whether the layer is of the kind that the library computes.
  virtual bool takes(const kernels::Conv2dGeometry& geometry) const = 0;
  virtual PeerResults results(PeerNumbers numbers) const = 0;
  /// What the library proposes, the best by its own judgement first; nothing if it has no way.
  /// The library must outlive its ways. Throws Error with what the library says.
  virtual std::vector<std::unique_ptr<PeerWay>> ways(const PeerLayer& layer) = 0;
};

/// Throw Error where the library cannot be used, and in builds without it.
std::unique_ptr<PeerLibrary> make_cudnn_peer(Stream& stream);
std::unique_ptr<PeerLibrary> make_cublas_peer(Stream& stream);

}  // namespace lq::bench
