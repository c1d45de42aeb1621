// Reductions by bulk copies, each against its definition.

#include <gtest/gtest.h>

#include <bit>
#include <cstring>

#include "tests/emulator/support/warp_code.h"

namespace lq::emulator {
namespace {

using testing::Device;
using testing::random_words;
using testing::u32;
using u64 = std::uint64_t;
using s32 = std::int32_t;
using s64 = std::int64_t;

/// Runs bulk copies from `memory`, 128 bytes of shared memory that hold `words`, to [%d1], where
/// `before` was. Returns what is there afterwards.
std::vector<u32> run_bulk_store(const std::string& copy, const std::vector<u32>& words,
                                const std::vector<u32>& before) {
  Device device(R"(
.visible .entry k(.param .u64 in, .param .u64 out)
{
  .reg .b32 %r<9>;
  .reg .b64 %d<9>;
  .reg .pred %p<2>;
  .shared .align 16 .b8 memory[128];
  ld.param.u64 %d0, [in];
  ld.param.u64 %d1, [out];
  mov.u32 %r0, %laneid;
  mul.wide.u32 %d2, %r0, 4;
  add.u64 %d3, %d0, %d2;
  ld.global.u32 %r1, [%d3];
  shl.b32 %r2, %r0, 2;
  st.shared.u32 [%r2], %r1;
  fence.proxy.async.shared::cta;
  bar.warp.sync -1;
  setp.ne.u32 %p0, %r0, 0;
  @%p0 ret;
  )" + copy + R"(
  cp.async.bulk.commit_group;
  cp.async.bulk.wait_group 0;
  ret;
}
)");
  const std::uint64_t input = device.upload(words);
  const std::uint64_t output = device.upload(before);
  device.launch("k", {1, 1, 1}, {32, 1, 1}, {input, output});
  return device.download<u32>(output, before.size());
}

struct Reduction {
  const char* name;
  int bytes;
  std::uint64_t (*expected)(std::uint64_t old, std::uint64_t value);
};
void PrintTo(const Reduction& reduction, std::ostream* stream) { *stream << reduction.name; }

/// A whole number that the bits choose, small enough for exact sums in all formats.
int small_number(u64 bits) { return static_cast<int>(bits % 201) - 100; }
u64 as_float(int number) { return std::bit_cast<u32>(static_cast<float>(number)); }
u64 as_double(int number) { return std::bit_cast<u64>(static_cast<double>(number)); }
u64 as_bfloat16(int number) { return as_float(number) >> 16; }
/// The exponent of five bits has another bias.
u64 as_half(int number) {
  const u64 bits = as_float(number);
  if (number == 0) return 0;
  return (bits >> 16 & 0x8000) | ((bits >> 23 & 0xFF) - 127 + 15) << 10 | (bits >> 13 & 0x3FF);
}

struct Encoded {
  const char* name;
  int bytes;
  u64 (*encode)(int);
  int (*expected)(int old, int value);
};
void PrintTo(const Encoded& encoded, std::ostream* stream) { *stream << encoded.name; }

std::vector<u32> packed(const std::vector<u64>& elements, int bytes) {
  std::vector<u32> words(elements.size() * static_cast<std::size_t>(bytes) / 4);
  for (std::size_t i = 0; i < elements.size(); ++i) {
    std::memcpy(reinterpret_cast<std::byte*>(words.data()) + i * static_cast<std::size_t>(bytes),
                &elements[i], static_cast<std::size_t>(bytes));
  }
  return words;
}
std::vector<u64> random_elements(int bytes, u32 seed) {
  const auto words = random_words(256 / static_cast<std::size_t>(bytes), seed);
  std::vector<u64> elements(128 / static_cast<std::size_t>(bytes));
  for (std::size_t i = 0; i < elements.size(); ++i) {
    elements[i] = bytes == 8 ? u64{words[2 * i]} << 32 | words[2 * i + 1] : words[i];
  }
  return elements;
}
std::string reduction_to_global(const std::string& operation) {
  return "cp.reduce.async.bulk.global.shared::cta.bulk_group." + operation +
         " [%d1], [memory], 128;";
}

class BulkReductionTest : public ::testing::TestWithParam<Reduction> {};

TEST_P(BulkReductionTest, ReducesEveryElement) {
  const auto& [name, bytes, expected] = GetParam();
  const auto values = random_elements(bytes, 3);
  auto elements = random_elements(bytes, 4);
  elements[1] = values[1];
  elements[2] = 0;
  const auto before = packed(elements, bytes);
  for (std::size_t i = 0; i < elements.size(); ++i) elements[i] = expected(elements[i], values[i]);
  EXPECT_EQ(run_bulk_store(reduction_to_global(name), packed(values, bytes), before),
            packed(elements, bytes));
}

const Reduction reductions[] = {
    {"add.u32", 4, [](u64 x, u64 y) { return x + y; }},
    {"add.s32", 4, [](u64 x, u64 y) { return x + y; }},
    {"add.u64", 8, [](u64 x, u64 y) { return x + y; }},
    {"min.u32", 4, [](u64 x, u64 y) { return x < y ? x : y; }},
    {"max.u32", 4, [](u64 x, u64 y) { return x > y ? x : y; }},
    {"min.s32", 4, [](u64 x, u64 y) { return s32(u32(x)) < s32(u32(y)) ? x : y; }},
    {"max.s32", 4, [](u64 x, u64 y) { return s32(u32(x)) > s32(u32(y)) ? x : y; }},
    {"min.u64", 8, [](u64 x, u64 y) { return x < y ? x : y; }},
    {"max.u64", 8, [](u64 x, u64 y) { return x > y ? x : y; }},
    {"min.s64", 8, [](u64 x, u64 y) { return s64(x) < s64(y) ? x : y; }},
    {"max.s64", 8, [](u64 x, u64 y) { return s64(x) > s64(y) ? x : y; }},
    {"inc.u32", 4, [](u64 x, u64 y) { return x >= y ? 0 : x + 1; }},
    {"dec.u32", 4, [](u64 x, u64 y) { return x == 0 || x > y ? y : x - 1; }},
    {"and.b32", 4, [](u64 x, u64 y) { return x & y; }},
    {"or.b32", 4, [](u64 x, u64 y) { return x | y; }},
    {"xor.b32", 4, [](u64 x, u64 y) { return x ^ y; }},
    {"and.b64", 8, [](u64 x, u64 y) { return x & y; }},
    {"or.b64", 8, [](u64 x, u64 y) { return x | y; }},
    {"xor.b64", 8, [](u64 x, u64 y) { return x ^ y; }},
};
INSTANTIATE_TEST_SUITE_P(Forms, BulkReductionTest, ::testing::ValuesIn(reductions));

class BulkFloatReductionTest : public ::testing::TestWithParam<Encoded> {};

TEST_P(BulkFloatReductionTest, ReducesEveryElement) {
  const auto& [name, bytes, encode, expected] = GetParam();
  const auto bits = random_elements(bytes, 5);
  const auto bits_before = random_elements(bytes, 6);
  std::vector<u64> values(bits.size());
  std::vector<u64> before(bits.size());
  std::vector<u64> after(bits.size());
  for (std::size_t i = 0; i < bits.size(); ++i) {
    const int value = small_number(bits[i]);
    const int old = small_number(bits_before[i]);
    values[i] = encode(value);
    before[i] = encode(old);
    after[i] = encode(expected(old, value));
  }
  EXPECT_EQ(run_bulk_store(reduction_to_global(name), packed(values, bytes), packed(before, bytes)),
            packed(after, bytes));
}

const Encoded float_reductions[] = {
    {"add.f32", 4, as_float, [](int x, int y) { return x + y; }},
    {"add.f64", 8, as_double, [](int x, int y) { return x + y; }},
    {"add.noftz.f16", 2, as_half, [](int x, int y) { return x + y; }},
    {"min.f16", 2, as_half, [](int x, int y) { return x < y ? x : y; }},
    {"max.f16", 2, as_half, [](int x, int y) { return x > y ? x : y; }},
    {"add.noftz.bf16", 2, as_bfloat16, [](int x, int y) { return x + y; }},
    {"min.bf16", 2, as_bfloat16, [](int x, int y) { return x < y ? x : y; }},
    {"max.bf16", 2, as_bfloat16, [](int x, int y) { return x > y ? x : y; }},
};
INSTANTIATE_TEST_SUITE_P(Forms, BulkFloatReductionTest, ::testing::ValuesIn(float_reductions));

}  // namespace
}  // namespace lq::emulator
