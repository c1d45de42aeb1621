// Bits: "Logic and Shift Instructions" of the PTX ISA, and the integer instructions on bit fields.

#include "emulator/instructions/instruction_tables.h"
#include "emulator/instructions/integer_ranges.h"
#include "emulator/instructions/lane_loops.h"

namespace lq::emulator::LQNET_ISA {
namespace {

template <typename T>
constexpr u32 bits = 8 * sizeof(T);

template <typename T>
T bit_and(T a, T b) {
  return static_cast<T>(a & b);
}
template <typename T>
T bit_or(T a, T b) {
  return static_cast<T>(a | b);
}
template <typename T>
T bit_xor(T a, T b) {
  return static_cast<T>(a ^ b);
}
template <typename T>
T bit_not(T a) {
  return static_cast<T>(~a);
}
template <typename T>
T cnot(T a) {
  return a == 0 ? T{1} : T{0};
}

// Shifts by the width or more shift everything out.
template <typename T>
T shl(T a, u32 b) {
  return b < bits<T> ? static_cast<T>(static_cast<u64>(a) << (b & 63)) : T{0};
}
template <typename T>
T shr(T a, u32 b) {
  if (is_signed<T>) return static_cast<T>(a >> (b < bits<T> ? b : bits<T> - 1));
  return b < bits<T> ? static_cast<T>(a >> (b & (bits<T> - 1))) : T{0};
}

// Funnel shifts of the 64 bits b:a.
u32 shf_left(u32 a, u32 b, u32 n) { return static_cast<u32>(((u64{b} << 32 | a) << n) >> 32); }
u32 shf_right(u32 a, u32 b, u32 n) { return static_cast<u32>((u64{b} << 32 | a) >> n); }
u32 clamped(u32 n) { return n < 32 ? n : 32; }
u32 shf_left_wrap(u32 a, u32 b, u32 n) { return shf_left(a, b, n & 31); }
u32 shf_left_clamp(u32 a, u32 b, u32 n) { return shf_left(a, b, clamped(n)); }
u32 shf_right_wrap(u32 a, u32 b, u32 n) { return shf_right(a, b, n & 31); }
u32 shf_right_clamp(u32 a, u32 b, u32 n) { return shf_right(a, b, clamped(n)); }

u32 popc32(u32 a) {
  a = a - (a >> 1 & 0x55555555);
  a = (a & 0x33333333) + (a >> 2 & 0x33333333);
  return ((a + (a >> 4)) & 0x0F0F0F0F) * 0x01010101 >> 24;
}
u32 popc64(u64 a) { return popc32(static_cast<u32>(a)) + popc32(static_cast<u32>(a >> 32)); }

u32 clz32(u32 a) { return a == 0 ? 32 : static_cast<u32>(__builtin_clz(a)); }
u32 clz64(u64 a) { return a == 0 ? 64 : static_cast<u32>(__builtin_clzll(a)); }

u32 brev32(u32 a) {
  a = (a & 0x55555555) << 1 | (a >> 1 & 0x55555555);
  a = (a & 0x33333333) << 2 | (a >> 2 & 0x33333333);
  a = (a & 0x0F0F0F0F) << 4 | (a >> 4 & 0x0F0F0F0F);
  return __builtin_bswap32(a);
}
u64 brev64(u64 a) {
  return u64{brev32(static_cast<u32>(a))} << 32 | brev32(static_cast<u32>(a >> 32));
}

// The highest bit that differs from the sign; shiftamt gives its distance from the top.
template <typename T>
u32 bfind(T a) {
  const u64 value = static_cast<u64>(a < 0 ? ~a : a);
  return value == 0 ? ~u32{0} : 63 - static_cast<u32>(__builtin_clzll(value));
}
template <typename T>
u32 bfind_shift(T a) {
  const u32 position = bfind(a);
  return position == ~u32{0} ? position : bits<T> - 1 - position;
}

u32 low_byte(u32 a) { return a & 0xFF; }

template <typename T>
T bfe_unsigned(T a, u32 start, u32 length) {
  start = low_byte(start);
  length = low_byte(length);
  const T shifted = shr(a, start);
  return length >= bits<T> ? shifted : static_cast<T>(shifted & ((T{1} << length) - 1));
}
/// Past the top the field is filled with the sign bit of the value.
template <typename U, typename S>
U bfe_signed(U a, u32 start, u32 length) {
  start = low_byte(start);
  length = low_byte(length);
  if (length == 0) return 0;
  const U shifted = static_cast<U>(shr(static_cast<S>(a), start));
  if (length >= bits<U>) return shifted;
  const u32 unused = bits<U> - length;
  return static_cast<U>(static_cast<S>(shifted << unused) >> unused);
}
u32 bfe_s32(u32 a, u32 b, u32 c) { return bfe_signed<u32, s32>(a, b, c); }
u64 bfe_s64(u64 a, u32 b, u32 c) { return bfe_signed<u64, s64>(a, b, c); }

template <typename T>
T bfi(T a, T b, u32 start, u32 length) {
  start = low_byte(start);
  length = low_byte(length);
  if (start >= bits<T> || length == 0) return b;
  const T ones = length >= bits<T> ? static_cast<T>(-1) : static_cast<T>((T{1} << length) - 1);
  const T mask = static_cast<T>(ones << start);
  return static_cast<T>((b & ~mask) | (static_cast<T>(a << start) & mask));
}

template <bool wrap>
u32 bmsk(u32 start, u32 length) {
  const u32 from = wrap ? start & 31 : clamped(start);
  const u32 count = wrap ? length & 31 : clamped(length);
  const u64 ones = (u64{1} << count) - 1;
  return static_cast<u32>(ones << from);
}

template <typename T>
T szext(T a, u32 n, bool wrap) {
  const u32 width = wrap ? n & 31 : n;
  if (width >= 32) return a;
  if (width == 0) return 0;
  const u32 unused = 32 - width;
  return static_cast<T>(static_cast<T>(static_cast<u32>(a) << unused) >> unused);
}
template <typename T>
T szext_wrap(T a, u32 n) {
  return szext(a, n, true);
}
template <typename T>
T szext_clamp(T a, u32 n) {
  return szext(a, n, false);
}

// Bit i of the table is the result where the bits of a, b, c spell i.
u32 lop3(u32 a, u32 b, u32 c, u32 table) {
  u32 result = 0;
  for (u32 i = 0; i < 8; ++i) {
    const u32 term = ((i & 4) != 0 ? a : ~a) & ((i & 2) != 0 ? b : ~b) & ((i & 1) != 0 ? c : ~c);
    result |= (0 - (table >> i & 1)) & term;
  }
  return result;
}

// Each nibble of the selector picks a byte of b:a, or with its top bit the byte's sign.
u32 prmt(u32 a, u32 b, u32 selector) {
  const u64 bytes = u64{b} << 32 | a;
  u32 result = 0;
  for (u32 i = 0; i < 4; ++i) {
    const u32 nibble = selector >> (4 * i) & 0xF;
    u32 byte = static_cast<u32>(bytes >> (8 * (nibble & 7))) & 0xFF;
    if ((nibble & 8) != 0) byte = (byte & 0x80) != 0 ? 0xFF : 0;
    result |= byte << (8 * i);
  }
  return result;
}
u32 byte_of(u32 a, u32 b, u32 index) {
  return static_cast<u32>((u64{b} << 32 | a) >> (8 * (index & 7))) & 0xFF;
}
u32 prmt_f4e(u32 a, u32 b, u32 c) {
  c &= 3;
  return byte_of(a, b, c + 3) << 24 | byte_of(a, b, c + 2) << 16 | byte_of(a, b, c + 1) << 8 |
         byte_of(a, b, c);
}
u32 prmt_b4e(u32 a, u32 b, u32 c) {
  c &= 3;
  return byte_of(a, b, c + 5) << 24 | byte_of(a, b, c + 6) << 16 | byte_of(a, b, c + 7) << 8 |
         byte_of(a, b, c);
}
// Bytes from the left or right edge on take the place of those beyond it.
u32 prmt_ecl(u32 a, u32 b, u32 c) {
  c &= 3;
  u32 result = 0;
  for (u32 i = 0; i < 4; ++i) result |= byte_of(a, b, i < c ? c : i) << (8 * i);
  return result;
}
u32 prmt_ecr(u32 a, u32 b, u32 c) {
  c &= 3;
  u32 result = 0;
  for (u32 i = 0; i < 4; ++i) result |= byte_of(a, b, i < c ? i : c) << (8 * i);
  return result;
}
u32 prmt_rc8(u32 a, u32 b, u32 c) { return byte_of(a, b, c & 3) * 0x01010101; }
u32 prmt_rc16(u32 a, u32 b, u32 c) {
  return (byte_of(a, b, 2 * (c & 1) + 1) << 8 | byte_of(a, b, 2 * (c & 1))) * 0x00010001;
}

template <LaneMask (*function)(LaneMask, LaneMask)>
void on_predicates(Frame& frame, const Instruction& i, LaneMask mask) {
  LaneMask& result = frame.predicate(i.results[0]);
  const LaneMask value =
      function(frame.predicate(i.sources[0]),
               is_slot(i.sources[1]) ? frame.predicate(i.sources[1]) : LaneMask{0});
  result = (result & ~mask) | (value & mask);
}
LaneMask not_first(LaneMask a, LaneMask) { return ~a; }
LaneMask first(LaneMask a, LaneMask) { return a; }

template <LaneMask (*function)(LaneMask, LaneMask)>
constexpr Form predicate_form(const char* opcode, bool is_binary) {
  return {opcode,
          on_predicates<function>,
          OperandType::predicate,
          {OperandType::predicate, is_binary ? OperandType::predicate : OperandType::none}};
}

template <typename T>
T identity(T a) {
  return a;
}

constexpr Form forms[] = {
    form<bit_and<u16>>("and.b16"),
    form<bit_and<u32>>("and.b32"),
    form<bit_and<u64>>("and.b64"),
    form<bit_or<u16>>("or.b16"),
    form<bit_or<u32>>("or.b32"),
    form<bit_or<u64>>("or.b64"),
    form<bit_xor<u16>>("xor.b16"),
    form<bit_xor<u32>>("xor.b32"),
    form<bit_xor<u64>>("xor.b64"),
    form<bit_not<u16>>("not.b16"),
    form<bit_not<u32>>("not.b32"),
    form<bit_not<u64>>("not.b64"),
    form<cnot<u16>>("cnot.b16"),
    form<cnot<u32>>("cnot.b32"),
    form<cnot<u64>>("cnot.b64"),
    predicate_form<bit_and<LaneMask>>("and.pred", true),
    predicate_form<bit_or<LaneMask>>("or.pred", true),
    predicate_form<bit_xor<LaneMask>>("xor.pred", true),
    predicate_form<not_first>("not.pred", false),
    predicate_form<first>("mov.pred", false),
    form<identity<u16>>("mov.b16"),
    form<identity<u32>>("mov.b32"),
    form<identity<u64>>("mov.b64"),
    form<shl<u16>>("shl.b16"),
    form<shl<u32>>("shl.b32"),
    form<shl<u64>>("shl.b64"),
    form<shr<u16>>("shr.b16"),
    form<shr<u32>>("shr.b32"),
    form<shr<u64>>("shr.b64"),
    form<shr<u16>>("shr.u16"),
    form<shr<u32>>("shr.u32"),
    form<shr<u64>>("shr.u64"),
    form<shr<s16>>("shr.s16"),
    form<shr<s32>>("shr.s32"),
    form<shr<s64>>("shr.s64"),
    form<shf_left_wrap>("shf.l.wrap.b32"),
    form<shf_left_clamp>("shf.l.clamp.b32"),
    form<shf_right_wrap>("shf.r.wrap.b32"),
    form<shf_right_clamp>("shf.r.clamp.b32"),
    form<popc32>("popc.b32"),
    form<popc64>("popc.b64"),
    form<clz32>("clz.b32"),
    form<clz64>("clz.b64"),
    form<brev32>("brev.b32"),
    form<brev64>("brev.b64"),
    form<bfind<u32>>("bfind.u32"),
    form<bfind<s32>>("bfind.s32"),
    form<bfind<u64>>("bfind.u64"),
    form<bfind<s64>>("bfind.s64"),
    form<bfind_shift<u32>>("bfind.shiftamt.u32"),
    form<bfind_shift<s32>>("bfind.shiftamt.s32"),
    form<bfind_shift<u64>>("bfind.shiftamt.u64"),
    form<bfind_shift<s64>>("bfind.shiftamt.s64"),
    form<bfe_unsigned<u32>>("bfe.u32"),
    form<bfe_unsigned<u64>>("bfe.u64"),
    form<bfe_s32>("bfe.s32"),
    form<bfe_s64>("bfe.s64"),
    form<bfi<u32>>("bfi.b32"),
    form<bfi<u64>>("bfi.b64"),
    form<bmsk<true>>("bmsk.wrap.b32"),
    form<bmsk<false>>("bmsk.clamp.b32"),
    form<szext_wrap<u32>>("szext.wrap.u32"),
    form<szext_wrap<s32>>("szext.wrap.s32"),
    form<szext_clamp<u32>>("szext.clamp.u32"),
    form<szext_clamp<s32>>("szext.clamp.s32"),
    form<lop3>("lop3.b32"),
    form<prmt>("prmt.b32"),
    form<prmt_f4e>("prmt.b32.f4e"),
    form<prmt_b4e>("prmt.b32.b4e"),
    form<prmt_ecl>("prmt.b32.ecl"),
    form<prmt_ecr>("prmt.b32.ecr"),
    form<prmt_rc8>("prmt.b32.rc8"),
    form<prmt_rc16>("prmt.b32.rc16"),
};

}  // namespace

extern const FormTable bit_forms = {forms, sizeof(forms) / sizeof(forms[0])};

}  // namespace lq::emulator::LQNET_ISA
