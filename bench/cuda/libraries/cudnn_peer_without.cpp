#include "bench/cuda/peer_library.h"
#include "core/error.h"

namespace lq::bench {

std::unique_ptr<PeerLibrary> make_cudnn_peer(Stream&) { fail("this build is without cuDNN"); }

}  // namespace lq::bench
