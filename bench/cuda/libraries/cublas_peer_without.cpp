#include "bench/cuda/peer_library.h"
#include "core/error.h"

namespace lq::bench {

std::unique_ptr<PeerLibrary> make_cublas_peer(Stream&) { fail("this build is without cuBLAS"); }

}  // namespace lq::bench
