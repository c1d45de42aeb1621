// Arithmetic and conversions of half precision, bfloat16 and the formats of 8 bits: the functions
// of the toolkit's headers on the device against their versions for the host.

#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_fp8.h>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <random>
#include <type_traits>

#include "check.h"

using u32 = std::uint32_t;

template <typename T>
__host__ __device__ u32 bits_of(const T& value) {
  u32 bits = 0;
  memcpy(&bits, &value, sizeof(value));
  return bits;
}
template <typename T>
__host__ __device__ T from_bits(u32 bits) {
  T value;
  memcpy(&value, &bits, sizeof(value));
  return value;
}

/// Where functions of one call put their results. Of what is no number any bits are right.
struct Output {
  u32* at;
  template <typename T>
  __host__ __device__ void operator()(const T& value) {
    *at++ = bits_of(value);
  }
  __host__ __device__ void operator()(__half value) { *at++ = number(bits_of(value), 0x7C00); }
  __host__ __device__ void operator()(__nv_bfloat16 value) {
    *at++ = number(bits_of(value), 0x7F80);
  }
  __host__ __device__ void operator()(__half2 value) { *at++ = numbers(bits_of(value), 0x7C00); }
  __host__ __device__ void operator()(__nv_bfloat162 value) {
    *at++ = numbers(bits_of(value), 0x7F80);
  }

 private:
  static __host__ __device__ u32 number(u32 bits, u32 infinity) {
    return (bits & 0x7FFF) > infinity ? 0x7FFF : bits;
  }
  static __host__ __device__ u32 numbers(u32 bits, u32 infinity) {
    return number(bits >> 16, infinity) << 16 | number(bits & 0xFFFF, infinity);
  }
};

/// What a number becomes in a rounding direction: the device converts, the host takes the steps
/// that the definition says.
enum class Direction { nearest, zero, down, up };

inline double whole(double x, Direction direction) {
  if (direction == Direction::nearest) return std::nearbyint(x);
  if (direction == Direction::zero) return std::trunc(x);
  return direction == Direction::down ? std::floor(x) : std::ceil(x);
}
template <typename T>
T integer(double x, Direction direction) {
  using Limits = std::numeric_limits<T>;
  if (std::isnan(x)) return 0;
  const double y = whole(x, direction);
  if (y >= static_cast<double>(Limits::max())) return Limits::max();
  if (y <= static_cast<double>(Limits::min())) return Limits::min();
  return static_cast<T>(y);
}
/// From the nearest number one step back, if it is on the wrong side.
template <typename H>
H narrow(double x, Direction direction) {
  H nearest;
  if constexpr (std::is_same_v<H, __half>) nearest = __double2half(x);
  if constexpr (!std::is_same_v<H, __half>) nearest = __double2bfloat16(x);
  const double value = static_cast<float>(nearest);
  const bool too_large = value > x, too_small = value < x;
  const bool steps_down =
      too_large && (direction == Direction::down || (direction == Direction::zero && x > 0));
  const bool steps_up =
      too_small && (direction == Direction::up || (direction == Direction::zero && x < 0));
  if (!steps_down && !steps_up) return nearest;
  const u32 bits = bits_of(nearest);
  if (bits == 0 || bits == 0x8000) return from_bits<H>(steps_down ? 0x8001 : 0x0001);
  const bool away = steps_down == ((bits & 0x8000) != 0);
  return from_bits<H>(away ? bits + 1 : bits - 1);
}

struct Arithmetic {
  static constexpr int results = 10;
  template <typename T2>
  static __host__ __device__ void run(T2 a, T2 b, T2, Output out) {
    out(__hadd2(a, b));
    out(__hsub2(a, b));
    out(__hmul2(a, b));
    out(__hadd2_sat(a, b));
    out(__hsub2_sat(a, b));
    out(__hmul2_sat(a, b));
    out(__habs2(a));
    out(__hneg2(a));
    out(__hadd_sat(__low2half_of(a), __low2half_of(b)));
    out(__hadd2_rn(a, b));
  }
  static __host__ __device__ __half __low2half_of(__half2 a) { return __low2half(a); }
  static __host__ __device__ __nv_bfloat16 __low2half_of(__nv_bfloat162 a) {
    return __low2bfloat16(a);
  }
};

/// The host multiplies and adds in double precision, and clamps afterwards.
struct Fused {
  static constexpr int results = 3;
  template <typename T2>
  static __host__ __device__ void run(T2 a, T2 b, T2 c, Output out) {
#ifdef __CUDA_ARCH__
    out(__hfma2(a, b, c));
    out(__hfma2_sat(a, b, c));
    out(__hfma2_relu(a, b, c));
#else
    const T2 sum{fused(a.x, b.x, c.x), fused(a.y, b.y, c.y)};
    out(sum);
    out(T2{clamped(sum.x, 1), clamped(sum.y, 1)});
    const bool low = std::isnan(static_cast<float>(sum.x));
    const bool high = std::isnan(static_cast<float>(sum.y));
    out(T2{low ? sum.x : clamped(sum.x, HUGE_VALF), high ? sum.y : clamped(sum.y, HUGE_VALF)});
#endif
  }

 private:
  template <typename H>
  static H fused(H a, H b, H c) {
    const auto wide = [](H x) { return static_cast<double>(static_cast<float>(x)); };
    // The product is exact. What the sum leaves out decides only ties of the second rounding.
    const double product = wide(a) * wide(b), addend = wide(c);
    const double sum = product + addend, part = sum - product;
    const double left_out = (product - (sum - part)) + (addend - part);
    const bool is_exact = !(left_out != 0) || !std::isfinite(sum);
    const double beyond = left_out > 0 ? HUGE_VAL : -HUGE_VAL;
    return narrow<H>(is_exact ? sum : std::nextafter(sum, beyond), Direction::nearest);
  }
  template <typename H>
  static H clamped(H x, float most) {
    const float value = static_cast<float>(x);
    return value > 0 ? (value < most ? x : H(most)) : H(0.0F);
  }
};

struct Comparisons {
  static constexpr int results = 20;
  template <typename T2>
  static __host__ __device__ void run(T2 a, T2 b, T2, Output out) {
    out(__heq2(a, b));
    out(__hne2(a, b));
    out(__hlt2(a, b));
    out(__hle2(a, b));
    out(__hgt2(a, b));
    out(__hge2(a, b));
    out(__hequ2(a, b));
    out(__hneu2(a, b));
    out(__hltu2(a, b));
    out(__hleu2(a, b));
    out(__hgtu2(a, b));
    out(__hgeu2(a, b));
    out(__hisnan2(a));
    out(__hbgt2(a, b));
    out(__heq2_mask(a, b));
    out(__hltu2_mask(a, b));
    out(__hmax2(a, b));
    out(__hmin2(a, b));
    out(__hmax2_nan(a, b));
    out(__hmin2_nan(a, b));
  }
};

struct HalfConversions {
  static constexpr int results = 25;
  static __host__ __device__ void run(__half2 a, __half2 b, __half2, Output out) {
    const __half h = __low2half(a);
    const float f = __half2float(h) * 1.0009765625F;
    const int i = static_cast<int>(bits_of(a) * 2654435761U) >> (bits_of(b) % 31);
#ifdef __CUDA_ARCH__
    out(__half2int_rn(h));
    out(__half2int_rz(h));
    out(__half2int_rd(h));
    out(__half2int_ru(h));
    out(__half2uint_rn(h));
    out(__half2short_rz(h));
    out(__half2ushort_rd(h));
    out(static_cast<u32>(__half2ll_ru(h)));
    out(static_cast<u32>(__half2ull_rz(h)));
    out(__int2half_rn(i));
    out(__int2half_rz(i));
    out(__int2half_rd(i));
    out(__int2half_ru(i));
    out(__uint2half_rn(i));
    out(__short2half_rn(i));
    out(__ll2half_rz(i));
    out(__float2half_rn(f));
    out(__float2half_rz(f));
    out(__float2half_rd(f));
    out(__float2half_ru(f));
    out(__double2half(f));
    out(hfloor(h));
    out(hceil(h));
    out(hrint(h));
    out(htrunc(h));
#else
    const double x = __half2float(h);
    using enum Direction;
    out(integer<int>(x, nearest));
    out(integer<int>(x, zero));
    out(integer<int>(x, down));
    out(integer<int>(x, up));
    out(integer<unsigned>(x, nearest));
    out(integer<short>(x, zero));
    out(integer<unsigned short>(x, down));
    out(static_cast<u32>(integer<long long>(x, up)));
    out(static_cast<u32>(integer<unsigned long long>(x, zero)));
    out(narrow<__half>(i, nearest));
    out(narrow<__half>(i, zero));
    out(narrow<__half>(i, down));
    out(narrow<__half>(i, up));
    out(narrow<__half>(static_cast<u32>(i), nearest));
    out(narrow<__half>(static_cast<short>(i), nearest));
    out(narrow<__half>(i, zero));
    out(__float2half_rn(f));
    out(narrow<__half>(f, zero));
    out(narrow<__half>(f, down));
    out(narrow<__half>(f, up));
    out(__double2half(f));
    out(narrow<__half>(std::floor(x), nearest));
    out(narrow<__half>(std::ceil(x), nearest));
    out(narrow<__half>(std::nearbyint(x), nearest));
    out(narrow<__half>(std::trunc(x), nearest));
#endif
  }
};

struct BfloatConversions {
  static constexpr int results = 16;
  static __host__ __device__ void run(__nv_bfloat162 a, __nv_bfloat162 b, __nv_bfloat162,
                                      Output out) {
    using H = __nv_bfloat16;
    const H h = __low2bfloat16(a);
    const float f = __bfloat162float(h) * 1.001F;
    const int i = static_cast<int>(bits_of(a) * 2654435761U) >> (bits_of(b) % 31);
#ifdef __CUDA_ARCH__
    out(__bfloat162int_rn(h));
    out(__bfloat162int_rz(h));
    out(__bfloat162uint_rd(h));
    out(__bfloat162short_ru(h));
    out(static_cast<u32>(__bfloat162ll_rn(h)));
    out(__int2bfloat16_rn(i));
    out(__int2bfloat16_rz(i));
    out(__uint2bfloat16_rd(i));
    out(__short2bfloat16_rn(i));
    out(__float2bfloat16_rn(f));
    out(__float2bfloat16_rz(f));
    out(__float2bfloat16_rd(f));
    out(__float2bfloat16_ru(f));
    out(__double2bfloat16(f));
    out(hrint(h));
    out(hfloor(h));
#else
    const double x = __bfloat162float(h);
    using enum Direction;
    out(integer<int>(x, nearest));
    out(integer<int>(x, zero));
    out(integer<unsigned>(x, down));
    out(integer<short>(x, up));
    out(static_cast<u32>(integer<long long>(x, nearest)));
    out(narrow<H>(i, nearest));
    out(narrow<H>(i, zero));
    out(narrow<H>(static_cast<u32>(i), down));
    out(narrow<H>(static_cast<short>(i), nearest));
    out(__float2bfloat16_rn(f));
    out(narrow<H>(f, zero));
    out(narrow<H>(f, down));
    out(narrow<H>(f, up));
    out(__double2bfloat16(f));
    out(narrow<H>(std::nearbyint(x), nearest));
    out(narrow<H>(std::floor(x), nearest));
#endif
  }
};

/// Formats of 8 bits.
struct ByteConversions {
  static constexpr int results = 14;
  static __host__ __device__ void run(__half2 a, __half2 b, __half2, Output out) {
    const float2 f = __half22float2(a);
    const __half2_raw raw = a;
    out(__nv_cvt_float_to_fp8(f.x, __NV_SATFINITE, __NV_E4M3));
    out(__nv_cvt_float_to_fp8(f.y, __NV_SATFINITE, __NV_E5M2));
    out(__nv_cvt_float2_to_fp8x2(f, __NV_SATFINITE, __NV_E4M3));
    out(__nv_cvt_float2_to_fp8x2(f, __NV_SATFINITE, __NV_E5M2));
    out(__nv_cvt_halfraw2_to_fp8x2(raw, __NV_SATFINITE, __NV_E4M3));
    out(__nv_cvt_halfraw2_to_fp8x2(raw, __NV_SATFINITE, __NV_E5M2));
    out(__nv_cvt_float2_to_fp8x2(f, __NV_NOSAT, __NV_E4M3));
    out(__nv_cvt_float2_to_fp8x2(f, __NV_NOSAT, __NV_E5M2));
    out(__nv_cvt_double_to_fp8(f.x * 1.000001, __NV_SATFINITE, __NV_E4M3));
    const u32 bytes = bits_of(b);
    out(__nv_cvt_fp8_to_halfraw(bytes & 0xFF, __NV_E4M3));
    out(__nv_cvt_fp8_to_halfraw(bytes & 0xFF, __NV_E5M2));
    out(__nv_cvt_fp8x2_to_halfraw2(bytes & 0xFFFF, __NV_E4M3));
    out(__nv_cvt_fp8x2_to_halfraw2(bytes & 0xFFFF, __NV_E5M2));
    out(static_cast<float>(__nv_fp8_e4m3(f.x)));
  }
};

template <typename Functions, typename T2>
__global__ void on_device(const u32* operands, u32* out) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  Functions::run(from_bits<T2>(operands[3 * i]), from_bits<T2>(operands[3 * i + 1]),
                 from_bits<T2>(operands[3 * i + 2]), Output{out + Functions::results * i});
}

/// Any bits, and numbers that are close to each other.
std::vector<u32> random_operands(std::size_t count) {
  static std::mt19937 generator(23);
  static constexpr std::uint16_t special[] = {0,      0x8000, 1,      0x3C00, 0x7BFF, 0x7C00,
                                              0xFC00, 0x7F80, 0xFF80, 0x7FFF, 0x03FF, 0x4248};
  std::vector<u32> operands(count);
  for (u32& operand : operands) {
    const auto half = [&]() -> u32 {
      const u32 random = generator();
      if (random % 8 == 0) return special[random / 8 % std::size(special)];
      if (random % 8 < 4) return random >> 16;
      return (random >> 16 & 0x83FF) | (0x3800 + (random >> 4 & 0x0C00));
    };
    operand = half() << 16;
    operand |= half();
  }
  return operands;
}

template <typename Functions, typename T2>
void test(const char* name) {
  constexpr int threads = 128, blocks = 12, count = threads * blocks;
  const auto operands = random_operands(3 * count);
  Buffer<u32> device_operands(operands), out(Functions::results * count);
  on_device<Functions, T2><<<blocks, threads>>>(device_operands.get(), out.get());
  const auto result = out.download();
  for (int i = 0; i < count; ++i) {
    u32 expected[Functions::results];
    const u32* const from = &operands[3 * i];
    Functions::run(from_bits<T2>(from[0]), from_bits<T2>(from[1]), from_bits<T2>(from[2]),
                   Output{expected});
    for (int k = 0; k < Functions::results; ++k) {
      const u32 device = result[Functions::results * i + k];
      if (device == expected[k]) continue;
      if (failures() < 40) {
        std::printf("function %d of %08x, %08x, %08x: %08x, the host has %08x\n", k, from[0],
                    from[1], from[2], device, expected[k]);
      }
      expect(false, name);
    }
  }
}

int main() {
  test<Arithmetic, __half2>("arithmetic of half");
  test<Arithmetic, __nv_bfloat162>("arithmetic of bfloat16");
  test<Fused, __half2>("fused arithmetic of half");
  test<Fused, __nv_bfloat162>("fused arithmetic of bfloat16");
  test<Comparisons, __half2>("comparisons of half");
  test<Comparisons, __nv_bfloat162>("comparisons of bfloat16");
  test<HalfConversions, __half2>("conversions of half");
  test<BfloatConversions, __nv_bfloat162>("conversions of bfloat16");
  test<ByteConversions, __half2>("formats of 8 bits");
  return finish();
}
