// Logic, shifts and bit fields, bit by bit as the PTX ISA's pseudocode has it.

#include <algorithm>

#include "tests/emulator/forms/form_case.h"

namespace lq::emulator::testing {
namespace {

using u64 = std::uint64_t;

u64 ones(int count) { return count >= 64 ? ~u64{0} : (u64{1} << count) - 1; }
bool bit(u64 value, int index) { return (value >> index & 1) != 0; }

void add_logic(const std::string& suffix, int bits, FormCases& cases) {
  const auto add = [&](const std::string& name, auto&& function) {
    cases.push_back(exactly(name + suffix, [bits, function](const Values& v) {
      return function(v[0], v[1]) & ones(bits);
    }));
  };
  add("and", [](u64 a, u64 b) { return a & b; });
  add("or", [](u64 a, u64 b) { return a | b; });
  add("xor", [](u64 a, u64 b) { return a ^ b; });
  add("not", [](u64 a, u64) { return ~a; });
  add("mov", [](u64 a, u64) { return a; });
  if (bits > 1) add("cnot", [](u64 a, u64) { return u64{a == 0}; });
}

void add_shifts(int bits, FormCases& cases) {
  const std::string width = std::to_string(bits);
  cases.push_back(exactly("shl.b" + width, [bits](const Values& v) {
    u64 result = 0;
    for (int i = 0; i < bits; ++i) {
      if (v[1] <= static_cast<u64>(i) && bit(v[0], i - static_cast<int>(v[1])))
        result |= u64{1} << i;
    }
    return result;
  }));
  for (const char sign : {'b', 'u', 's'}) {
    cases.push_back(exactly(std::string("shr.") + sign + width, [bits, sign](const Values& v) {
      const bool fill = sign == 's' && bit(v[0], bits - 1);
      u64 result = 0;
      for (int i = 0; i < bits; ++i) {
        const u64 from = static_cast<u64>(i) + v[1];
        if (from < static_cast<u64>(bits) ? bit(v[0], static_cast<int>(from)) : fill) {
          result |= u64{1} << i;
        }
      }
      return result;
    }));
  }
}

void add_funnel(FormCases& cases) {
  for (const bool wraps : {true, false}) {
    const auto amount = [wraps](u64 n) { return wraps ? n & 31 : std::min<u64>(n, 32); };
    const std::string mode = wraps ? ".wrap.b32" : ".clamp.b32";
    cases.push_back(exactly("shf.l" + mode, [amount](const Values& v) {
      const Int both = static_cast<Int>(v[1]) << 32 | static_cast<Int>(v[0]);
      return static_cast<u64>((both << amount(v[2])) >> 32) & ones(32);
    }));
    cases.push_back(exactly("shf.r" + mode, [amount](const Values& v) {
      const Int both = static_cast<Int>(v[1]) << 32 | static_cast<Int>(v[0]);
      return static_cast<u64>(both >> amount(v[2])) & ones(32);
    }));
    cases.push_back(exactly("bmsk" + mode, [wraps](const Values& v) {
      const u64 from = wraps ? v[0] & 31 : v[0];
      const u64 count = wraps ? v[1] & 31 : v[1];
      u64 result = 0;
      for (u64 i = 0; i < 32; ++i) {
        if (i >= from && i - from < count) result |= u64{1} << i;
      }
      return result;
    }));
    for (const bool is_signed : {false, true}) {
      const std::string type = wraps ? ".wrap." : ".clamp.";
      cases.push_back(exactly("szext" + type + (is_signed ? "s32" : "u32"), [=](const Values& v) {
        const u64 width = wraps ? v[1] & 31 : v[1];
        if (width >= 32) return v[0];
        const u64 low = v[0] & ones(static_cast<int>(width));
        const bool fill = is_signed && width > 0 && bit(v[0], static_cast<int>(width) - 1);
        return fill ? (low | ~ones(static_cast<int>(width))) & ones(32) : low;
      }));
    }
  }
}

void add_counts(int bits, FormCases& cases) {
  const std::string width = std::to_string(bits);
  cases.push_back(exactly("popc.b" + width, [bits](const Values& v) {
    u64 count = 0;
    for (int i = 0; i < bits; ++i) count += bit(v[0], i);
    return count;
  }));
  cases.push_back(exactly("clz.b" + width, [bits](const Values& v) {
    u64 count = 0;
    while (count < static_cast<u64>(bits) && !bit(v[0], bits - 1 - static_cast<int>(count)))
      ++count;
    return count;
  }));
  cases.push_back(exactly("brev.b" + width, [bits](const Values& v) {
    u64 result = 0;
    for (int i = 0; i < bits; ++i) result |= u64{bit(v[0], i)} << (bits - 1 - i);
    return result;
  }));
  for (const bool is_signed : {false, true}) {
    const auto highest = [=](u64 a) {
      const bool sign = is_signed && bit(a, bits - 1);
      for (int i = bits - 1; i >= 0; --i) {
        if (bit(a, i) != sign) return static_cast<u64>(i);
      }
      return ones(32);
    };
    const std::string type = (is_signed ? "s" : "u") + width;
    cases.push_back(exactly("bfind." + type, [=](const Values& v) { return highest(v[0]); }));
    cases.push_back(exactly("bfind.shiftamt." + type, [=](const Values& v) {
      const u64 position = highest(v[0]);
      return position == ones(32) ? position : static_cast<u64>(bits) - 1 - position;
    }));
    cases.push_back(exactly("bfe." + type, [=](const Values& v) {
      const int start = static_cast<int>(v[1] & 0xFF);
      const int length = static_cast<int>(v[2] & 0xFF);
      const int last = std::min(start + length - 1, bits - 1);
      const bool fill = is_signed && length > 0 && bit(v[0], last);
      u64 result = 0;
      for (int i = 0; i < bits; ++i) {
        const bool inside = i < length && start + i < bits;
        if (inside ? bit(v[0], start + i) : fill) result |= u64{1} << i;
      }
      return result;
    }));
  }
  cases.push_back(exactly("bfi.b" + width, [=](const Values& v) {
    const int start = static_cast<int>(v[2] & 0xFF);
    const int length = static_cast<int>(v[3] & 0xFF);
    u64 result = v[1];
    for (int i = 0; i < length && start + i < bits; ++i) {
      result &= ~(u64{1} << (start + i));
      result |= u64{bit(v[0], i)} << (start + i);
    }
    return result;
  }));
}

u64 byte_of(const Values& v, u64 index) {
  return (index < 4 ? v[0] >> (8 * index) : v[1] >> (8 * (index - 4))) & 0xFF;
}

void add_prmt(FormCases& cases) {
  cases.push_back(exactly("prmt.b32", [](const Values& v) {
    u64 result = 0;
    for (int i = 0; i < 4; ++i) {
      const u64 nibble = v[2] >> (4 * i) & 0xF;
      u64 byte = byte_of(v, nibble & 7);
      if (nibble >= 8) byte = byte >= 128 ? 0xFF : 0;
      result |= byte << (8 * i);
    }
    return result;
  }));
  // The tables of the PTX ISA: bytes from the highest on, for each value of the selector.
  const auto add = [&](const char* mode, std::vector<std::array<u64, 4>> table) {
    cases.push_back(exactly(std::string("prmt.b32.") + mode, [table](const Values& v) {
      const auto& row = table[v[2] % table.size()];
      return byte_of(v, row[0]) << 24 | byte_of(v, row[1]) << 16 | byte_of(v, row[2]) << 8 |
             byte_of(v, row[3]);
    }));
  };
  add("f4e", {{3, 2, 1, 0}, {4, 3, 2, 1}, {5, 4, 3, 2}, {6, 5, 4, 3}});
  add("b4e", {{5, 6, 7, 0}, {6, 7, 0, 1}, {7, 0, 1, 2}, {0, 1, 2, 3}});
  add("ecl", {{3, 2, 1, 0}, {3, 2, 1, 1}, {3, 2, 2, 2}, {3, 3, 3, 3}});
  add("ecr", {{0, 0, 0, 0}, {1, 1, 1, 0}, {2, 2, 1, 0}, {3, 2, 1, 0}});
  add("rc8", {{0, 0, 0, 0}, {1, 1, 1, 1}, {2, 2, 2, 2}, {3, 3, 3, 3}});
  add("rc16", {{1, 0, 1, 0}, {3, 2, 3, 2}, {1, 0, 1, 0}, {3, 2, 3, 2}});
}

}  // namespace

FormCases bit_cases() {
  FormCases cases;
  for (const int bits : {16, 32, 64}) {
    add_logic(".b" + std::to_string(bits), bits, cases);
    add_shifts(bits, cases);
    if (bits > 16) add_counts(bits, cases);
  }
  add_logic(".pred", 1, cases);
  add_funnel(cases);
  add_prmt(cases);
  cases.push_back(exactly("lop3.b32", [](const Values& v) {
    u64 result = 0;
    for (int i = 0; i < 32; ++i) {
      const int index = 4 * bit(v[0], i) + 2 * bit(v[1], i) + bit(v[2], i);
      result |= u64{bit(v[3], index)} << i;
    }
    return result;
  }));
  return cases;
}

}  // namespace lq::emulator::testing
