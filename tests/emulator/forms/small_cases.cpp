// Conversions of formats of 8 and 16 bits in every direction, and to packs of integers.

#include <algorithm>
#include <cmath>

#include "tests/emulator/forms/form_case.h"

namespace lq::emulator::testing {
namespace {

/// A format as the list of its numbers: rounding looks for neighbours in it.
struct NumberList {
  std::string name;
  int bits;
  std::vector<long double> magnitudes;  // by their bits, infinity last if there is one
  std::uint64_t nan;

  std::uint64_t sign() const { return std::uint64_t{1} << (bits - 1); }

  long double value(std::uint64_t raw) const {
    const std::uint64_t magnitude = raw & (sign() - 1);
    if (magnitude >= magnitudes.size()) return NAN;
    return (raw & sign()) != 0 ? -magnitudes[magnitude] : magnitudes[magnitude];
  }

  std::uint64_t highest() const {
    const bool has_infinity = std::isinf(magnitudes.back());
    return magnitudes.size() - (has_infinity ? 2 : 1);
  }

  /// "rn", "rz", "rm" or "rp".
  std::uint64_t round(long double x, const std::string& mode, bool saturates = false) const {
    if (std::isnan(x)) return nan;
    const bool negative = std::signbit(x);
    const std::uint64_t s = negative ? sign() : 0;
    const long double m = std::fabs(x);
    const auto above = std::lower_bound(magnitudes.begin(), magnitudes.end(), m);
    std::uint64_t up = static_cast<std::uint64_t>(above - magnitudes.begin());
    if (saturates && m > magnitudes[highest()]) return s | highest();
    if (*above == m) return s | up;
    const std::uint64_t down = up - 1;
    if (mode == "rz" || (mode == "rm" && !negative) || (mode == "rp" && negative)) return s | down;
    if (mode != "rn") return s | up;
    // Infinity stands where the next number would.
    const long double next =
        std::isinf(*above) ? 2 * magnitudes[down] - magnitudes[down - 1] : *above;
    const long double below_half = (m - magnitudes[down]) - (next - m);
    return s | (below_half > 0 || (below_half == 0 && down % 2 != 0) ? up : down);
  }
};

/// Numbers of `exponent` and `fraction` bits; those of the last exponent are one infinity, or all
/// but the last of them are numbers.
NumberList make_list(const std::string& name, int exponent, int fraction, bool has_infinity) {
  NumberList list{
      name, 1 + exponent + fraction, {}, (std::uint64_t{1} << (exponent + fraction)) - 1};
  const int bias = (1 << (exponent - 1)) - 1;
  for (std::uint64_t raw = 0; raw < list.nan; ++raw) {
    const int e = static_cast<int>(raw >> fraction);
    const auto f = static_cast<long double>(raw & ((std::uint64_t{1} << fraction) - 1));
    if (has_infinity && e == (1 << exponent) - 1) {
      list.magnitudes.push_back(INFINITY);
      break;
    }
    const long double one = std::ldexp(1.0L, fraction);
    list.magnitudes.push_back(e == 0 ? std::ldexp(f, 1 - bias - fraction)
                                     : std::ldexp(one + f, e - bias - fraction));
  }
  return list;
}

const NumberList& f16() {
  static const NumberList list = make_list("f16", 5, 10, true);
  return list;
}
const NumberList& bf16() {
  static const NumberList list = make_list("bf16", 8, 7, true);
  return list;
}
const NumberList& tf32() {
  static const NumberList list = make_list("tf32", 8, 10, true);
  return list;
}

long double whole(const std::string& mode, long double x) {
  if (mode == "rn") return std::nearbyint(x);
  if (mode == "rz") return std::trunc(x);
  return mode == "rm" ? std::floor(x) : std::ceil(x);
}

std::uint64_t in_register(const IntegerType& type, Int value) {
  return type.bits == 8 ? static_cast<std::uint64_t>(value) & 0xFFFF : type.raw(value);
}

void add_integers(const NumberList& format, const std::string& mode, FormCases& cases) {
  for (const IntegerType& type : integer_types()) {
    cases.push_back(exactly("cvt." + mode + "i." + type.name + "." + format.name,
                            [=, &format](const Values& v) {
                              const long double x = format.value(v[0]);
                              if (std::isnan(x)) return std::uint64_t{0};
                              const long double y = whole(mode, x);
                              if (y >= static_cast<long double>(type.highest()))
                                return in_register(type, type.highest());
                              if (y <= static_cast<long double>(type.lowest()))
                                return in_register(type, type.lowest());
                              return in_register(type, static_cast<Int>(y));
                            }));
    cases.push_back(
        exactly("cvt." + mode + "." + format.name + "." + type.name, [=, &format](const Values& v) {
          return format.round(static_cast<long double>(type.value(v[0])), mode);
        }));
  }
  cases.push_back(exactly("cvt." + mode + "i." + format.name + "." + format.name,
                          [=, &format](const Values& v) {
                            const long double x = format.value(v[0]);
                            return format.round(std::copysign(whole(mode, x), x), "rn");
                          }));
}

void add_pairs(const NumberList& format, FormCases& cases) {
  for (const std::string mode : {"rn", "rz"}) {
    for (const bool relu : {false, true}) {
      if (mode == "rn" && !relu) continue;  // half_cases.cpp
      const std::string name = "cvt." + mode + (relu ? ".relu." : ".") + format.name + "x2.f32";
      cases.push_back(exactly(name, [=, &format](const Values& v) {
        const auto half = [&](std::uint64_t bits) {
          const float x = as_float(bits);
          return relu && x <= 0 ? 0 : format.round(x, mode);
        };
        return half(v[0]) << 16 | half(v[1]);
      }));
    }
  }
}

void add_conversions(const NumberList& format, FormCases& cases) {
  for (const std::string mode : {"rn", "rz", "rm", "rp"}) {
    add_integers(format, mode, cases);
    if (mode != "rn") {
      cases.push_back(
          exactly("cvt." + mode + "." + format.name + ".f32",
                  [=, &format](const Values& v) { return format.round(as_float(v[0]), mode); }));
    }
    if (mode != "rn" || format.name == "bf16") {
      cases.push_back(
          exactly("cvt." + mode + "." + format.name + ".f64",
                  [=, &format](const Values& v) { return format.round(as_double(v[0]), mode); }));
    }
  }
  add_pairs(format, cases);
}

void add_bytes(const NumberList& format, FormCases& cases) {
  for (const bool relu : {false, true}) {
    const std::string middle = relu ? ".relu." : ".";
    const auto byte = [=](long double x) {
      return relu && x <= 0 ? 0 : format.round(x, "rn", true);
    };
    const auto half = [=](std::uint64_t raw) {
      const long double x = format.value(raw);
      return relu && x <= 0 ? 0 : f16().round(x, "rn");
    };
    const std::string pair = format.name + "x2";
    cases.push_back(exactly("cvt.rn.satfinite" + middle + pair + ".f32", [=](const Values& v) {
      return byte(as_float(v[0])) << 8 | byte(as_float(v[1]));
    }));
    cases.push_back(exactly("cvt.rn.satfinite" + middle + pair + ".f16x2", [=](const Values& v) {
      return byte(f16().value(v[0] >> 16)) << 8 | byte(f16().value(v[0] & 0xFFFF));
    }));
    cases.push_back(exactly("cvt.rn" + middle + "f16x2." + pair, [=](const Values& v) {
      return half(v[0] >> 8) << 16 | half(v[0] & 0xFF);
    }));
  }
}

void add_packs(FormCases& cases) {
  for (const IntegerType& type : integer_types()) {
    if (type.bits > 16) continue;
    const bool is_bytes = type.bits == 8;
    cases.push_back(exactly("cvt.pack.sat." + type.name + (is_bytes ? ".s32.b32" : ".s32"),
                            [=](const Values& v) {
                              const IntegerType word{"", 32, true};
                              const auto part = [&](std::uint64_t raw) {
                                return type.raw(type.clamp(word.value(raw)));
                              };
                              const std::uint64_t both = part(v[0]) << type.bits | part(v[1]);
                              return is_bytes ? (v[2] << 16 & 0xFFFFFFFF) | both : both;
                            }));
  }
}

}  // namespace

FormCases small_cases() {
  FormCases cases;
  add_conversions(f16(), cases);
  add_conversions(bf16(), cases);
  add_bytes(make_list("e4m3", 4, 3, false), cases);
  add_bytes(make_list("e5m2", 5, 2, true), cases);
  for (const std::string mode : {"rn", "rz"}) {
    for (const bool relu : {false, true}) {
      cases.push_back(
          exactly("cvt." + mode + (relu ? ".relu" : "") + ".tf32.f32", [=](const Values& v) {
            const float x = as_float(v[0]);
            if (std::isnan(x)) return std::uint64_t{0x7FFFFFFF};
            return relu && x <= 0 ? 0 : tf32().round(x, mode) << 13;
          }));
    }
  }
  cases.push_back({"cvt.f64.bf16", [](const Values& v, std::uint64_t r) {
                     const auto expected = static_cast<double>(bf16().value(v[0]));
                     return std::optional(std::isnan(expected) ? std::isnan(as_double(r))
                                                               : bits_of(expected) == r);
                   }});
  add_packs(cases);
  return cases;
}

}  // namespace lq::emulator::testing
