// Results that are rounded in a direction: the exact value, in quadruple precision, has to lie
// between the result and its neighbour. Where a quadruple does not hold it, nothing is said.

#include <cmath>
#include <limits>

#include "tests/emulator/forms/form_case.h"

namespace lq::emulator::testing {
namespace {

__extension__ using Quad = __float128;

template <typename T>
T read(std::uint64_t bits) {
  if constexpr (sizeof(T) == 4) return as_float(bits);
  if constexpr (sizeof(T) == 8) return as_double(bits);
}

/// Whether `result` is the exact value rounded; `compare(x)` is the sign of (exact - x), and
/// `positive` that of the exact value.
template <typename T, typename Compare>
bool is_rounded(const std::string& direction, T result, bool positive, Compare&& compare) {
  const bool down = direction == "rm" || (direction == "rz" && positive);
  const T infinity = std::numeric_limits<T>::infinity();
  if (down) return compare(result) >= 0 && compare(std::nextafter(result, infinity)) < 0;
  return compare(result) <= 0 && compare(std::nextafter(result, -infinity)) > 0;
}

int sign(Quad value) { return value < 0 ? -1 : value > 0 ? 1 : 0; }

/// Whether the sum of two numbers with these bits of significand is exact in a quadruple.
bool is_exact_sum(Quad a, Quad b, int bits) {
  if (a == 0 || b == 0) return true;
  const int gap =
      std::abs(std::ilogb(static_cast<long double>(a)) - std::ilogb(static_cast<long double>(b)));
  return gap + bits <= 110;
}

/// Whether the significand has at most 24 bits.
bool is_short_double(double value) { return (bits_of(value) & 0x1FFFFFFF) == 0; }

template <typename T>
void add_arithmetic(const std::string& direction, const std::string& suffix, bool flushes,
                    FormCases& cases) {
  constexpr int digits = std::numeric_limits<T>::digits;
  const auto usable = [=](T value) {
    return std::isfinite(value) && !(flushes && std::fpclassify(value) == FP_SUBNORMAL);
  };
  // `exact` gives the value, or nothing.
  const auto add = [&](const std::string& name, auto&& exact) {
    cases.push_back({name + "." + direction + suffix,
                     [=](const Values& v, std::uint64_t r) -> std::optional<bool> {
                       const T a = read<T>(v[0]), b = read<T>(v[1]), c = read<T>(v[2]);
                       if (!usable(a) || !usable(b)) return std::nullopt;
                       const std::optional<Quad> x = exact(a, b, c);
                       const T result = read<T>(r);
                       if (!x || *x == 0 || (flushes && std::fpclassify(result) != FP_NORMAL)) {
                         return std::nullopt;
                       }
                       return is_rounded(direction, result, *x > 0,
                                         [&](T y) { return sign(*x - y); });
                     }});
  };
  const auto sum = [](Quad a, Quad b, int bits) {
    return is_exact_sum(a, b, bits) ? std::optional(a + b) : std::nullopt;
  };
  add("add", [=](T a, T b, T) { return sum(a, b, digits); });
  add("sub", [=](T a, T b, T) { return sum(a, -b, digits); });
  add("mul", [](T a, T b, T) { return std::optional(Quad{a} * b); });
  add("fma", [=](T a, T b, T c) {
    // A product of doubles leaves too few bits for a third, unless it is short.
    const bool is_short = sizeof(T) == 4 || (is_short_double(a) && is_short_double(b));
    if (!usable(c) || !is_short) return std::optional<Quad>();
    return sum(Quad{a} * b, c, 2 * 24 + 8);
  });
  cases.push_back(
      {"div." + direction + suffix, [=](const Values& v, std::uint64_t r) -> std::optional<bool> {
         const T a = read<T>(v[0]), b = read<T>(v[1]), result = read<T>(r);
         if (!usable(a) || !usable(b) || a == 0 || b == 0 ||
             (flushes && std::fpclassify(result) != FP_NORMAL)) {
           return std::nullopt;
         }
         const int b_sign = b > 0 ? 1 : -1;
         return is_rounded(direction, result, (a > 0) == (b > 0), [&](T y) {
           return std::isinf(y) ? (y > 0 ? -1 : 1) : b_sign * sign(a - Quad{y} * b);
         });
       }});
  if (flushes) return;
  cases.push_back(
      {"rcp." + direction + suffix, [=](const Values& v, std::uint64_t r) -> std::optional<bool> {
         const T a = read<T>(v[0]);
         if (!usable(a) || a == 0) return std::nullopt;
         const int a_sign = a > 0 ? 1 : -1;
         return is_rounded(direction, read<T>(r), a > 0, [&](T y) {
           return std::isinf(y) ? (y > 0 ? -1 : 1) : a_sign * sign(1 - Quad{y} * a);
         });
       }});
  cases.push_back(
      {"sqrt." + direction + suffix, [=](const Values& v, std::uint64_t r) -> std::optional<bool> {
         const T a = read<T>(v[0]);
         if (!usable(a) || a <= 0) return std::nullopt;
         return is_rounded(direction, read<T>(r), true,
                           [&](T y) { return y < 0 ? 1 : sign(a - Quad{y} * y); });
       }});
}

template <typename T>
void add_conversions(const std::string& direction, const std::string& name, FormCases& cases) {
  for (const IntegerType& from : integer_types()) {
    if (from.bits < 32) continue;
    cases.push_back({"cvt." + direction + "." + name + "." + from.name,
                     [=](const Values& v, std::uint64_t r) -> std::optional<bool> {
                       const auto exact = static_cast<Quad>(from.value(v[0]));
                       return is_rounded(direction, read<T>(r), exact > 0,
                                         [&](T y) { return sign(exact - y); });
                     }});
  }
}

}  // namespace

FormCases directed_cases() {
  FormCases cases;
  for (const std::string direction : {"rz", "rm", "rp"}) {
    add_arithmetic<float>(direction, ".f32", false, cases);
    add_arithmetic<float>(direction, ".ftz.f32", true, cases);
    add_arithmetic<double>(direction, ".f64", false, cases);
    add_conversions<float>(direction, "f32", cases);
    add_conversions<double>(direction, "f64", cases);
    cases.push_back({"cvt." + direction + ".f32.f64",
                     [=](const Values& v, std::uint64_t r) -> std::optional<bool> {
                       const double exact = as_double(v[0]);
                       if (!std::isfinite(exact) || exact == 0) return std::nullopt;
                       return is_rounded(direction, as_float(r), exact > 0,
                                         [&](float y) { return sign(Quad{exact} - y); });
                     }});
  }
  return cases;
}

}  // namespace lq::emulator::testing
