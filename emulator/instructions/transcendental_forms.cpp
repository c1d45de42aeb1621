// sin, cos, lg2, ex2, tanh: calculated in double precision and rounded, where a device has
// approximations that are good to a few units in the last place.

#include <cmath>
#include <iterator>

#include "emulator/instructions/lane_by_lane.h"
#include "emulator/instructions/scalar_forms.h"
#include "emulator/instructions/single_modifiers.h"
#include "emulator/instructions/small_float.h"

namespace lq::emulator {
namespace {

float rounded(double value) {
  return std::isnan(value) ? std::bit_cast<float>(0x7FFFFFFFU) : static_cast<float>(value);
}
float sin_single(float a) { return rounded(std::sin(double{a})); }
float cos_single(float a) { return rounded(std::cos(double{a})); }
float lg2_single(float a) { return rounded(std::log2(double{a})); }
float ex2_single(float a) { return rounded(std::exp2(double{a})); }
float tanh_single(float a) { return rounded(std::tanh(double{a})); }

double hyperbolic(double a) { return std::tanh(a); }
double power(double a) { return std::exp2(a); }
/// bfloat16 has the exponents of f32, and is flushed as these are.
template <typename F, double (*function)(double)>
std::uint16_t small(std::uint16_t a) {
  const double value = function(F::widen(a));
  const bool is_flushed = F::bias == 127 && function == power && std::fabs(value) < 0x1p-126;
  return static_cast<std::uint16_t>(F::round(is_flushed ? 0 : value, Rounding::nearest));
}
template <std::uint16_t (*function)(std::uint16_t)>
std::uint32_t both(std::uint32_t a) {
  return std::uint32_t{function(static_cast<std::uint16_t>(a >> 16))} << 16 |
         function(static_cast<std::uint16_t>(a));
}

constexpr Form forms[] = {
    lane_form<sin_single>("sin.approx.f32"),
    lane_form<flushed<sin_single>>("sin.approx.ftz.f32"),
    lane_form<cos_single>("cos.approx.f32"),
    lane_form<flushed<cos_single>>("cos.approx.ftz.f32"),
    lane_form<lg2_single>("lg2.approx.f32"),
    lane_form<flushed<lg2_single>>("lg2.approx.ftz.f32"),
    lane_form<ex2_single>("ex2.approx.f32"),
    lane_form<flushed<ex2_single>>("ex2.approx.ftz.f32"),
    lane_form<tanh_single>("tanh.approx.f32"),
    lane_form<small<Binary16, hyperbolic>>("tanh.approx.f16"),
    lane_form<both<small<Binary16, hyperbolic>>>("tanh.approx.f16x2"),
    lane_form<small<Bfloat16, hyperbolic>>("tanh.approx.bf16"),
    lane_form<both<small<Bfloat16, hyperbolic>>>("tanh.approx.bf16x2"),
    lane_form<small<Binary16, power>>("ex2.approx.f16"),
    lane_form<both<small<Binary16, power>>>("ex2.approx.f16x2"),
    lane_form<small<Bfloat16, power>>("ex2.approx.ftz.bf16"),
    lane_form<both<small<Bfloat16, power>>>("ex2.approx.ftz.bf16x2"),
};

}  // namespace

const FormTable transcendental_forms = {forms, std::size(forms)};

}  // namespace lq::emulator
