// Comparisons of numbers of 16 bits, to predicates (setp), and to pairs of 1 or ones and 0 (set).
// The forms of set that have one result are made of setp by the decoder.

#include "emulator/instructions/half_numbers.h"
#include "emulator/instructions/instruction_tables.h"

namespace lq::emulator::LQNET_ISA {
namespace {

enum class Comparison { eq, ne, lt, le, gt, ge, num, nan };

template <Comparison comparison>
bool holds(double x, double y) {
  switch (comparison) {
    case Comparison::eq:
      return x == y;
    case Comparison::ne:
      return x < y || x > y;
    case Comparison::lt:
      return x < y;
    case Comparison::le:
      return x <= y;
    case Comparison::gt:
      return x > y;
    case Comparison::ge:
      return x >= y;
    case Comparison::num:
      return x == x && y == y;
    default:
      return x != x || y != y;
  }
}

template <typename F, Comparison comparison>
bool compare(u16 a, u16 b) {
  return holds<comparison>(F::widen(a), F::widen(b));
}
/// True as well if one is no number.
template <typename F, Comparison comparison>
bool or_unordered(u16 a, u16 b) {
  return holds<Comparison::nan>(F::widen(a), F::widen(b)) || compare<F, comparison>(a, b);
}
template <typename F, bool (*test)(u16, u16)>
u16 one_or_zero(u16 a, u16 b) {
  return test(a, b) ? F::round(1) : u16{0};
}

template <bool (*test)(u16, u16)>
u16 ones_or_zero(u16 a, u16 b) {
  return test(a, b) ? u16{0xFFFF} : u16{0};
}

constexpr Form forms[] = {
    form<compare<Binary16, Comparison::eq>>("setp.eq.f16"),
    form<pair<one_or_zero<Binary16, compare<Binary16, Comparison::eq>>>>("set.eq.f16x2.f16x2"),
    form<compare<Binary16, Comparison::ne>>("setp.ne.f16"),
    form<pair<one_or_zero<Binary16, compare<Binary16, Comparison::ne>>>>("set.ne.f16x2.f16x2"),
    form<compare<Binary16, Comparison::lt>>("setp.lt.f16"),
    form<pair<one_or_zero<Binary16, compare<Binary16, Comparison::lt>>>>("set.lt.f16x2.f16x2"),
    form<compare<Binary16, Comparison::le>>("setp.le.f16"),
    form<pair<one_or_zero<Binary16, compare<Binary16, Comparison::le>>>>("set.le.f16x2.f16x2"),
    form<compare<Binary16, Comparison::gt>>("setp.gt.f16"),
    form<pair<one_or_zero<Binary16, compare<Binary16, Comparison::gt>>>>("set.gt.f16x2.f16x2"),
    form<compare<Binary16, Comparison::ge>>("setp.ge.f16"),
    form<pair<one_or_zero<Binary16, compare<Binary16, Comparison::ge>>>>("set.ge.f16x2.f16x2"),
    form<or_unordered<Binary16, Comparison::eq>>("setp.equ.f16"),
    form<pair<one_or_zero<Binary16, or_unordered<Binary16, Comparison::eq>>>>(
        "set.equ.f16x2.f16x2"),
    form<or_unordered<Binary16, Comparison::ne>>("setp.neu.f16"),
    form<pair<one_or_zero<Binary16, or_unordered<Binary16, Comparison::ne>>>>(
        "set.neu.f16x2.f16x2"),
    form<or_unordered<Binary16, Comparison::lt>>("setp.ltu.f16"),
    form<pair<one_or_zero<Binary16, or_unordered<Binary16, Comparison::lt>>>>(
        "set.ltu.f16x2.f16x2"),
    form<or_unordered<Binary16, Comparison::le>>("setp.leu.f16"),
    form<pair<one_or_zero<Binary16, or_unordered<Binary16, Comparison::le>>>>(
        "set.leu.f16x2.f16x2"),
    form<or_unordered<Binary16, Comparison::gt>>("setp.gtu.f16"),
    form<pair<one_or_zero<Binary16, or_unordered<Binary16, Comparison::gt>>>>(
        "set.gtu.f16x2.f16x2"),
    form<or_unordered<Binary16, Comparison::ge>>("setp.geu.f16"),
    form<pair<one_or_zero<Binary16, or_unordered<Binary16, Comparison::ge>>>>(
        "set.geu.f16x2.f16x2"),
    form<compare<Binary16, Comparison::num>>("setp.num.f16"),
    form<pair<one_or_zero<Binary16, compare<Binary16, Comparison::num>>>>("set.num.f16x2.f16x2"),
    form<compare<Binary16, Comparison::nan>>("setp.nan.f16"),
    form<pair<one_or_zero<Binary16, compare<Binary16, Comparison::nan>>>>("set.nan.f16x2.f16x2"),
    form<compare<Bfloat16, Comparison::eq>>("setp.eq.bf16"),
    form<pair<one_or_zero<Bfloat16, compare<Bfloat16, Comparison::eq>>>>("set.eq.bf16x2.bf16x2"),
    form<compare<Bfloat16, Comparison::ne>>("setp.ne.bf16"),
    form<pair<one_or_zero<Bfloat16, compare<Bfloat16, Comparison::ne>>>>("set.ne.bf16x2.bf16x2"),
    form<compare<Bfloat16, Comparison::lt>>("setp.lt.bf16"),
    form<pair<one_or_zero<Bfloat16, compare<Bfloat16, Comparison::lt>>>>("set.lt.bf16x2.bf16x2"),
    form<compare<Bfloat16, Comparison::le>>("setp.le.bf16"),
    form<pair<one_or_zero<Bfloat16, compare<Bfloat16, Comparison::le>>>>("set.le.bf16x2.bf16x2"),
    form<compare<Bfloat16, Comparison::gt>>("setp.gt.bf16"),
    form<pair<one_or_zero<Bfloat16, compare<Bfloat16, Comparison::gt>>>>("set.gt.bf16x2.bf16x2"),
    form<compare<Bfloat16, Comparison::ge>>("setp.ge.bf16"),
    form<pair<one_or_zero<Bfloat16, compare<Bfloat16, Comparison::ge>>>>("set.ge.bf16x2.bf16x2"),
    form<or_unordered<Bfloat16, Comparison::eq>>("setp.equ.bf16"),
    form<pair<one_or_zero<Bfloat16, or_unordered<Bfloat16, Comparison::eq>>>>(
        "set.equ.bf16x2.bf16x2"),
    form<or_unordered<Bfloat16, Comparison::ne>>("setp.neu.bf16"),
    form<pair<one_or_zero<Bfloat16, or_unordered<Bfloat16, Comparison::ne>>>>(
        "set.neu.bf16x2.bf16x2"),
    form<or_unordered<Bfloat16, Comparison::lt>>("setp.ltu.bf16"),
    form<pair<one_or_zero<Bfloat16, or_unordered<Bfloat16, Comparison::lt>>>>(
        "set.ltu.bf16x2.bf16x2"),
    form<or_unordered<Bfloat16, Comparison::le>>("setp.leu.bf16"),
    form<pair<one_or_zero<Bfloat16, or_unordered<Bfloat16, Comparison::le>>>>(
        "set.leu.bf16x2.bf16x2"),
    form<or_unordered<Bfloat16, Comparison::gt>>("setp.gtu.bf16"),
    form<pair<one_or_zero<Bfloat16, or_unordered<Bfloat16, Comparison::gt>>>>(
        "set.gtu.bf16x2.bf16x2"),
    form<or_unordered<Bfloat16, Comparison::ge>>("setp.geu.bf16"),
    form<pair<one_or_zero<Bfloat16, or_unordered<Bfloat16, Comparison::ge>>>>(
        "set.geu.bf16x2.bf16x2"),
    form<compare<Bfloat16, Comparison::num>>("setp.num.bf16"),
    form<pair<one_or_zero<Bfloat16, compare<Bfloat16, Comparison::num>>>>("set.num.bf16x2.bf16x2"),
    form<compare<Bfloat16, Comparison::nan>>("setp.nan.bf16"),
    form<pair<one_or_zero<Bfloat16, compare<Bfloat16, Comparison::nan>>>>("set.nan.bf16x2.bf16x2"),
    form<pair<ones_or_zero<compare<Binary16, Comparison::eq>>>>("set.eq.u32.f16x2"),
    form<pair<ones_or_zero<compare<Binary16, Comparison::eq>>>>("set.eq.s32.f16x2"),
    form<pair<ones_or_zero<compare<Binary16, Comparison::ne>>>>("set.ne.u32.f16x2"),
    form<pair<ones_or_zero<compare<Binary16, Comparison::ne>>>>("set.ne.s32.f16x2"),
    form<pair<ones_or_zero<compare<Binary16, Comparison::lt>>>>("set.lt.u32.f16x2"),
    form<pair<ones_or_zero<compare<Binary16, Comparison::lt>>>>("set.lt.s32.f16x2"),
    form<pair<ones_or_zero<compare<Binary16, Comparison::le>>>>("set.le.u32.f16x2"),
    form<pair<ones_or_zero<compare<Binary16, Comparison::le>>>>("set.le.s32.f16x2"),
    form<pair<ones_or_zero<compare<Binary16, Comparison::gt>>>>("set.gt.u32.f16x2"),
    form<pair<ones_or_zero<compare<Binary16, Comparison::gt>>>>("set.gt.s32.f16x2"),
    form<pair<ones_or_zero<compare<Binary16, Comparison::ge>>>>("set.ge.u32.f16x2"),
    form<pair<ones_or_zero<compare<Binary16, Comparison::ge>>>>("set.ge.s32.f16x2"),
    form<pair<ones_or_zero<or_unordered<Binary16, Comparison::eq>>>>("set.equ.u32.f16x2"),
    form<pair<ones_or_zero<or_unordered<Binary16, Comparison::eq>>>>("set.equ.s32.f16x2"),
    form<pair<ones_or_zero<or_unordered<Binary16, Comparison::ne>>>>("set.neu.u32.f16x2"),
    form<pair<ones_or_zero<or_unordered<Binary16, Comparison::ne>>>>("set.neu.s32.f16x2"),
    form<pair<ones_or_zero<or_unordered<Binary16, Comparison::lt>>>>("set.ltu.u32.f16x2"),
    form<pair<ones_or_zero<or_unordered<Binary16, Comparison::lt>>>>("set.ltu.s32.f16x2"),
    form<pair<ones_or_zero<or_unordered<Binary16, Comparison::le>>>>("set.leu.u32.f16x2"),
    form<pair<ones_or_zero<or_unordered<Binary16, Comparison::le>>>>("set.leu.s32.f16x2"),
    form<pair<ones_or_zero<or_unordered<Binary16, Comparison::gt>>>>("set.gtu.u32.f16x2"),
    form<pair<ones_or_zero<or_unordered<Binary16, Comparison::gt>>>>("set.gtu.s32.f16x2"),
    form<pair<ones_or_zero<or_unordered<Binary16, Comparison::ge>>>>("set.geu.u32.f16x2"),
    form<pair<ones_or_zero<or_unordered<Binary16, Comparison::ge>>>>("set.geu.s32.f16x2"),
    form<pair<ones_or_zero<compare<Binary16, Comparison::num>>>>("set.num.u32.f16x2"),
    form<pair<ones_or_zero<compare<Binary16, Comparison::num>>>>("set.num.s32.f16x2"),
    form<pair<ones_or_zero<compare<Binary16, Comparison::nan>>>>("set.nan.u32.f16x2"),
    form<pair<ones_or_zero<compare<Binary16, Comparison::nan>>>>("set.nan.s32.f16x2"),
    form<pair<ones_or_zero<compare<Bfloat16, Comparison::eq>>>>("set.eq.u32.bf16x2"),
    form<pair<ones_or_zero<compare<Bfloat16, Comparison::eq>>>>("set.eq.s32.bf16x2"),
    form<pair<ones_or_zero<compare<Bfloat16, Comparison::ne>>>>("set.ne.u32.bf16x2"),
    form<pair<ones_or_zero<compare<Bfloat16, Comparison::ne>>>>("set.ne.s32.bf16x2"),
    form<pair<ones_or_zero<compare<Bfloat16, Comparison::lt>>>>("set.lt.u32.bf16x2"),
    form<pair<ones_or_zero<compare<Bfloat16, Comparison::lt>>>>("set.lt.s32.bf16x2"),
    form<pair<ones_or_zero<compare<Bfloat16, Comparison::le>>>>("set.le.u32.bf16x2"),
    form<pair<ones_or_zero<compare<Bfloat16, Comparison::le>>>>("set.le.s32.bf16x2"),
    form<pair<ones_or_zero<compare<Bfloat16, Comparison::gt>>>>("set.gt.u32.bf16x2"),
    form<pair<ones_or_zero<compare<Bfloat16, Comparison::gt>>>>("set.gt.s32.bf16x2"),
    form<pair<ones_or_zero<compare<Bfloat16, Comparison::ge>>>>("set.ge.u32.bf16x2"),
    form<pair<ones_or_zero<compare<Bfloat16, Comparison::ge>>>>("set.ge.s32.bf16x2"),
    form<pair<ones_or_zero<or_unordered<Bfloat16, Comparison::eq>>>>("set.equ.u32.bf16x2"),
    form<pair<ones_or_zero<or_unordered<Bfloat16, Comparison::eq>>>>("set.equ.s32.bf16x2"),
    form<pair<ones_or_zero<or_unordered<Bfloat16, Comparison::ne>>>>("set.neu.u32.bf16x2"),
    form<pair<ones_or_zero<or_unordered<Bfloat16, Comparison::ne>>>>("set.neu.s32.bf16x2"),
    form<pair<ones_or_zero<or_unordered<Bfloat16, Comparison::lt>>>>("set.ltu.u32.bf16x2"),
    form<pair<ones_or_zero<or_unordered<Bfloat16, Comparison::lt>>>>("set.ltu.s32.bf16x2"),
    form<pair<ones_or_zero<or_unordered<Bfloat16, Comparison::le>>>>("set.leu.u32.bf16x2"),
    form<pair<ones_or_zero<or_unordered<Bfloat16, Comparison::le>>>>("set.leu.s32.bf16x2"),
    form<pair<ones_or_zero<or_unordered<Bfloat16, Comparison::gt>>>>("set.gtu.u32.bf16x2"),
    form<pair<ones_or_zero<or_unordered<Bfloat16, Comparison::gt>>>>("set.gtu.s32.bf16x2"),
    form<pair<ones_or_zero<or_unordered<Bfloat16, Comparison::ge>>>>("set.geu.u32.bf16x2"),
    form<pair<ones_or_zero<or_unordered<Bfloat16, Comparison::ge>>>>("set.geu.s32.bf16x2"),
    form<pair<ones_or_zero<compare<Bfloat16, Comparison::num>>>>("set.num.u32.bf16x2"),
    form<pair<ones_or_zero<compare<Bfloat16, Comparison::num>>>>("set.num.s32.bf16x2"),
    form<pair<ones_or_zero<compare<Bfloat16, Comparison::nan>>>>("set.nan.u32.bf16x2"),
    form<pair<ones_or_zero<compare<Bfloat16, Comparison::nan>>>>("set.nan.s32.bf16x2"),
};

}  // namespace

extern const FormTable half_compare_forms = {forms, sizeof(forms) / sizeof(forms[0])};

}  // namespace lq::emulator::LQNET_ISA
