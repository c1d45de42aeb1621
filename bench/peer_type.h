// What we compare with.
#pragma once

namespace lq::bench {

enum class PeerType : unsigned char {
  float32,  ///< f32 throughout
  int8      ///< u8 inputs and outputs, s8 weights
};

}  // namespace lq::bench
