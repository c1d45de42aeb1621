#include "emulator/instructions/carry.h"

#include <string>
#include <type_traits>
#include <unordered_map>

#include "emulator/instructions/integers.h"
#include "emulator/machine/lanes.h"

namespace lq::emulator {
namespace {

using namespace integers;

__extension__ using u128 = unsigned __int128;
__extension__ using s128 = __int128;

template <typename T>
struct Sum {
  T value;
  bool carry;
};

template <typename T>
Sum<T> add(T a, T b, T, bool carry) {
  T sum;
  const bool first = __builtin_add_overflow(a, b, &sum);
  const bool second = __builtin_add_overflow(sum, static_cast<T>(carry), &sum);
  return {sum, first || second};
}
// The flag is the carry of a + ~b + 1, so it is set where nothing is borrowed: the compiler's
// division of 128 bits asks for it by addc behind subc.cc.
template <typename T>
Sum<T> sub(T a, T b, T, bool carry) {
  return add<T>(a, static_cast<T>(~b), 0, carry);
}
template <typename T>
Sum<T> mad_lo(T a, T b, T c, bool carry) {
  return add<T>(a * b, c, 0, carry);
}
template <typename T, bool is_signed>
Sum<T> mad_hi(T a, T b, T c, bool carry) {
  using Wide = std::conditional_t<is_signed, s128, u128>;
  using Narrow = std::conditional_t<is_signed, std::make_signed_t<T>, T>;
  const Wide product = static_cast<Wide>(static_cast<Narrow>(a)) * static_cast<Narrow>(b);
  return add<T>(static_cast<T>(product >> (8 * sizeof(T))), c, 0, carry);
}

template <typename T, Sum<T> (*function)(T, T, T, bool)>
void run(Frame& frame, const Instruction& instruction, LaneMask mask) {
  const auto source = [&](int index) {
    return is_slot(instruction.sources[index]) ? frame.lanes<T>(instruction.sources[index])
                                               : nullptr;
  };
  const T* const a = source(0);
  const T* const b = source(1);
  const T* const c = source(2);
  const LaneMask carries = is_slot(instruction.sources[3]) ? frame.predicate(instruction.sources[3])
                           : function == sub<T>            ? all_lanes
                                                           : 0;
  T* const to = frame.lanes<T>(instruction.results[0]);
  LaneMask out = 0;
  for_each_lane(mask, [&](int lane) {
    const Sum<T> sum =
        function(a[lane], b[lane], c == nullptr ? T{0} : c[lane], (carries >> lane & 1) != 0);
    to[lane] = sum.value;
    out |= LaneMask{sum.carry} << lane;
  });
  if (!is_slot(instruction.results[1])) return;
  LaneMask& carry = frame.predicate(instruction.results[1]);
  carry = (carry & ~mask) | out;
}

}  // namespace

Handler carry_handler(std::string_view operation, std::string_view type) {
  static const std::unordered_map<std::string, Handler> handlers{
      {"add.u32", run<u32, add<u32>>},
      {"add.s32", run<u32, add<u32>>},
      {"add.u64", run<u64, add<u64>>},
      {"add.s64", run<u64, add<u64>>},
      {"sub.u32", run<u32, sub<u32>>},
      {"sub.s32", run<u32, sub<u32>>},
      {"sub.u64", run<u64, sub<u64>>},
      {"sub.s64", run<u64, sub<u64>>},
      {"mad.lo.u32", run<u32, mad_lo<u32>>},
      {"mad.lo.s32", run<u32, mad_lo<u32>>},
      {"mad.lo.u64", run<u64, mad_lo<u64>>},
      {"mad.lo.s64", run<u64, mad_lo<u64>>},
      {"mad.hi.u32", run<u32, mad_hi<u32, false>>},
      {"mad.hi.s32", run<u32, mad_hi<u32, true>>},
      {"mad.hi.u64", run<u64, mad_hi<u64, false>>},
      {"mad.hi.s64", run<u64, mad_hi<u64, true>>},
  };
  std::string key(operation);
  key += '.';
  key += type;
  const auto found = handlers.find(key);
  return found == handlers.end() ? nullptr : found->second;
}

}  // namespace lq::emulator
