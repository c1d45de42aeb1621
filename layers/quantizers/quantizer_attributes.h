// What the records of quantizers tell: the names of their attributes, and the values of one.
#pragma once

#include <string_view>

namespace lq::quantizer_attributes {

inline constexpr std::string_view bits = "bits";  ///< std::int64_t: of a code, 1 to 8
inline constexpr std::string_view kind = "kind";  ///< std::string: see Quantizer::kind()
inline constexpr std::string_view side = "side";  ///< std::string: one of the two below

inline constexpr std::string_view weights = "weights";
inline constexpr std::string_view activations = "activations";

}  // namespace lq::quantizer_attributes
