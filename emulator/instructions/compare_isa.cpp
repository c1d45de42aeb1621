// Comparisons and selections: "Comparison and Selection Instructions" of the PTX ISA. The forms of
// setp that combine their result with a predicate are taken apart by the decoder.

#include "emulator/instructions/instruction_tables.h"
#include "emulator/instructions/lane_loops.h"
#include "emulator/instructions/single_modifiers.h"

namespace lq::emulator::LQNET_ISA {
namespace {

// Of floating-point numbers these are false if one is no number ...
template <typename T>
bool eq(T a, T b) {
  return a == b;
}
template <typename T>
bool lt(T a, T b) {
  return a < b;
}
template <typename T>
bool le(T a, T b) {
  return a <= b;
}
template <typename T>
bool gt(T a, T b) {
  return a > b;
}
template <typename T>
bool ge(T a, T b) {
  return a >= b;
}
template <typename T>
bool ordered_ne(T a, T b) {
  return a < b || a > b;
}
template <typename T>
bool num(T a, T b) {
  return a == a && b == b;
}
// ... and these true.
template <typename T>
bool ne(T a, T b) {
  return a != b;
}
template <typename T>
bool neu(T a, T b) {
  return a != b;
}
template <typename T>
bool equ(T a, T b) {
  return !(a < b || a > b);
}
template <typename T>
bool ltu(T a, T b) {
  return !(a >= b);
}
template <typename T>
bool leu(T a, T b) {
  return !(a > b);
}
template <typename T>
bool gtu(T a, T b) {
  return !(a <= b);
}
template <typename T>
bool geu(T a, T b) {
  return !(a < b);
}
template <typename T>
bool nan(T a, T b) {
  return a != a || b != b;
}

template <typename T>
void select(Frame& frame, const Instruction& i, LaneMask mask) {
  const T* const a = source<T>(frame, i, 0);
  const T* const b = source<T>(frame, i, 1);
  const LaneMask choice = frame.predicate(i.sources[2]);
  Lanes<T> result;
  for (int lane = 0; lane < warp_size; ++lane) {
    result.values[lane] = (choice >> lane & 1) != 0 ? a[lane] : b[lane];
  }
  result.store(frame, i.results[0], mask);
}
template <typename T>
constexpr Form select_form(const char* opcode) {
  return {opcode,
          select<T>,
          operand_type<T>(),
          {operand_type<T>(), operand_type<T>(), OperandType::predicate}};
}

template <typename T, typename C>
T slct(T a, T b, C c) {
  return c >= 0 ? a : b;
}

constexpr Form forms[] = {
    form<eq<u16>>("setp.eq.u16"),
    form<ne<u16>>("setp.ne.u16"),
    form<lt<u16>>("setp.lt.u16"),
    form<le<u16>>("setp.le.u16"),
    form<gt<u16>>("setp.gt.u16"),
    form<ge<u16>>("setp.ge.u16"),
    form<lt<u16>>("setp.lo.u16"),
    form<le<u16>>("setp.ls.u16"),
    form<gt<u16>>("setp.hi.u16"),
    form<ge<u16>>("setp.hs.u16"),
    form<eq<s16>>("setp.eq.s16"),
    form<ne<s16>>("setp.ne.s16"),
    form<lt<s16>>("setp.lt.s16"),
    form<le<s16>>("setp.le.s16"),
    form<gt<s16>>("setp.gt.s16"),
    form<ge<s16>>("setp.ge.s16"),
    form<eq<u32>>("setp.eq.u32"),
    form<ne<u32>>("setp.ne.u32"),
    form<lt<u32>>("setp.lt.u32"),
    form<le<u32>>("setp.le.u32"),
    form<gt<u32>>("setp.gt.u32"),
    form<ge<u32>>("setp.ge.u32"),
    form<lt<u32>>("setp.lo.u32"),
    form<le<u32>>("setp.ls.u32"),
    form<gt<u32>>("setp.hi.u32"),
    form<ge<u32>>("setp.hs.u32"),
    form<eq<s32>>("setp.eq.s32"),
    form<ne<s32>>("setp.ne.s32"),
    form<lt<s32>>("setp.lt.s32"),
    form<le<s32>>("setp.le.s32"),
    form<gt<s32>>("setp.gt.s32"),
    form<ge<s32>>("setp.ge.s32"),
    form<eq<u64>>("setp.eq.u64"),
    form<ne<u64>>("setp.ne.u64"),
    form<lt<u64>>("setp.lt.u64"),
    form<le<u64>>("setp.le.u64"),
    form<gt<u64>>("setp.gt.u64"),
    form<ge<u64>>("setp.ge.u64"),
    form<lt<u64>>("setp.lo.u64"),
    form<le<u64>>("setp.ls.u64"),
    form<gt<u64>>("setp.hi.u64"),
    form<ge<u64>>("setp.hs.u64"),
    form<eq<s64>>("setp.eq.s64"),
    form<ne<s64>>("setp.ne.s64"),
    form<lt<s64>>("setp.lt.s64"),
    form<le<s64>>("setp.le.s64"),
    form<gt<s64>>("setp.gt.s64"),
    form<ge<s64>>("setp.ge.s64"),
    form<eq<u16>>("setp.eq.b16"),
    form<ne<u16>>("setp.ne.b16"),
    form<eq<u32>>("setp.eq.b32"),
    form<ne<u32>>("setp.ne.b32"),
    form<eq<u64>>("setp.eq.b64"),
    form<ne<u64>>("setp.ne.b64"),
    form<eq<float>>("setp.eq.f32"),
    form<ordered_ne<float>>("setp.ne.f32"),
    form<lt<float>>("setp.lt.f32"),
    form<le<float>>("setp.le.f32"),
    form<gt<float>>("setp.gt.f32"),
    form<ge<float>>("setp.ge.f32"),
    form<equ<float>>("setp.equ.f32"),
    form<neu<float>>("setp.neu.f32"),
    form<ltu<float>>("setp.ltu.f32"),
    form<leu<float>>("setp.leu.f32"),
    form<gtu<float>>("setp.gtu.f32"),
    form<geu<float>>("setp.geu.f32"),
    form<num<float>>("setp.num.f32"),
    form<nan<float>>("setp.nan.f32"),
    form<eq<double>>("setp.eq.f64"),
    form<ordered_ne<double>>("setp.ne.f64"),
    form<lt<double>>("setp.lt.f64"),
    form<le<double>>("setp.le.f64"),
    form<gt<double>>("setp.gt.f64"),
    form<ge<double>>("setp.ge.f64"),
    form<equ<double>>("setp.equ.f64"),
    form<neu<double>>("setp.neu.f64"),
    form<ltu<double>>("setp.ltu.f64"),
    form<leu<double>>("setp.leu.f64"),
    form<gtu<double>>("setp.gtu.f64"),
    form<geu<double>>("setp.geu.f64"),
    form<num<double>>("setp.num.f64"),
    form<nan<double>>("setp.nan.f64"),
    form<flushed<eq<float>>>("setp.eq.ftz.f32"),
    form<flushed<ordered_ne<float>>>("setp.ne.ftz.f32"),
    form<flushed<lt<float>>>("setp.lt.ftz.f32"),
    form<flushed<le<float>>>("setp.le.ftz.f32"),
    form<flushed<gt<float>>>("setp.gt.ftz.f32"),
    form<flushed<ge<float>>>("setp.ge.ftz.f32"),
    form<flushed<equ<float>>>("setp.equ.ftz.f32"),
    form<flushed<neu<float>>>("setp.neu.ftz.f32"),
    form<flushed<ltu<float>>>("setp.ltu.ftz.f32"),
    form<flushed<leu<float>>>("setp.leu.ftz.f32"),
    form<flushed<gtu<float>>>("setp.gtu.ftz.f32"),
    form<flushed<geu<float>>>("setp.geu.ftz.f32"),
    form<flushed<num<float>>>("setp.num.ftz.f32"),
    form<flushed<nan<float>>>("setp.nan.ftz.f32"),
    select_form<u16>("selp.b16"),
    select_form<u16>("selp.u16"),
    select_form<u16>("selp.s16"),
    select_form<u32>("selp.b32"),
    select_form<u32>("selp.u32"),
    select_form<u32>("selp.s32"),
    select_form<float>("selp.f32"),
    select_form<u64>("selp.b64"),
    select_form<u64>("selp.u64"),
    select_form<u64>("selp.s64"),
    select_form<double>("selp.f64"),
    form<slct<u16, s32>>("slct.b16.s32"),
    form<slct<u16, float>>("slct.b16.f32"),
    form<slct<u16, s32>>("slct.u16.s32"),
    form<slct<u16, float>>("slct.u16.f32"),
    form<slct<u16, s32>>("slct.s16.s32"),
    form<slct<u16, float>>("slct.s16.f32"),
    form<slct<u32, s32>>("slct.b32.s32"),
    form<slct<u32, float>>("slct.b32.f32"),
    form<slct<u32, s32>>("slct.u32.s32"),
    form<slct<u32, float>>("slct.u32.f32"),
    form<slct<u32, s32>>("slct.s32.s32"),
    form<slct<u32, float>>("slct.s32.f32"),
    form<slct<float, s32>>("slct.f32.s32"),
    form<slct<float, float>>("slct.f32.f32"),
    form<slct<u64, s32>>("slct.b64.s32"),
    form<slct<u64, float>>("slct.b64.f32"),
    form<slct<u64, s32>>("slct.u64.s32"),
    form<slct<u64, float>>("slct.u64.f32"),
    form<slct<u64, s32>>("slct.s64.s32"),
    form<slct<u64, float>>("slct.s64.f32"),
    form<slct<double, s32>>("slct.f64.s32"),
    form<slct<double, float>>("slct.f64.f32"),
};

}  // namespace

extern const FormTable compare_forms = {forms, sizeof(forms) / sizeof(forms[0])};

}  // namespace lq::emulator::LQNET_ISA
