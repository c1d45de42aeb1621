// sin, cos, lg2, ex2, tanh: calculated in double precision and rounded, where a device has
// approximations that are good to a few units in the last place.

#include <cmath>
#include <iterator>

#include "emulator/instructions/lane_by_lane.h"
#include "emulator/instructions/scalar_forms.h"
#include "emulator/instructions/single_modifiers.h"

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

constexpr Form forms[] = {
    lane_form<sin_single>("sin.approx.f32"),   lane_form<flushed<sin_single>>("sin.approx.ftz.f32"),
    lane_form<cos_single>("cos.approx.f32"),   lane_form<flushed<cos_single>>("cos.approx.ftz.f32"),
    lane_form<lg2_single>("lg2.approx.f32"),   lane_form<flushed<lg2_single>>("lg2.approx.ftz.f32"),
    lane_form<ex2_single>("ex2.approx.f32"),   lane_form<flushed<ex2_single>>("ex2.approx.ftz.f32"),
    lane_form<tanh_single>("tanh.approx.f32"),
};

}  // namespace

const FormTable transcendental_forms = {forms, std::size(forms)};

}  // namespace lq::emulator
