// cuRAND's generators for kernels, against their published recurrences: XORWOW (Marsaglia 2003),
// MRG32k3a (L'Ecuyer 1999), Philox4x32-10 (Salmon et al. 2011, with the known answers of Random123)
// and Sobol's sequence. Jumps to another subsequence are checked with powers of the recurrences'
// matrices.

#include <curand_kernel.h>

#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <map>

#include "check.h"

using u32 = std::uint32_t;
using u64 = std::uint64_t;

constexpr int generators = 40;
constexpr int draws = 12;

struct Start {
  u64 seed, subsequence, offset;
};
Start start_of(int i) {
  return {0x123456789ABCDEFULL * i, static_cast<u64>(i % 4) * (i < 8 ? 1 : 0x100000001ULL),
          static_cast<u64>(i % 7 * i)};
}

template <typename State>
__global__ void draw(const Start* starts, State* states, u32* out) {
  const int i = threadIdx.x;
  State state;
  curand_init(starts[i].seed, starts[i].subsequence, starts[i].offset, &state);
  states[i] = state;
  for (int k = 0; k < draws; ++k) out[i * draws + k] = curand(&state);
}

/// One generator: uniform and normal numbers of both precisions, from copies of one state.
template <typename State>
__global__ void draw_floating(float* uniform, double* uniform_double, float* normal,
                              double* normal_double, u32* bits) {
  State start;
  curand_init(99, threadIdx.x, 0, &start);
  State states[5] = {start, start, start, start, start};
  for (int k = 0; k < draws; ++k) {
    const int at = threadIdx.x * draws + k;
    bits[at] = curand(&states[0]);
    uniform[at] = curand_uniform(&states[1]);
    uniform_double[at] = curand_uniform_double(&states[2]);
    normal[at] = curand_normal(&states[3]);
    normal_double[at] = curand_normal_double(&states[4]);
  }
}

template <typename State>
struct Drawn {
  std::vector<State> states;
  std::vector<u32> bits;
};
template <typename State>
Drawn<State> drawn() {
  std::vector<Start> starts;
  for (int i = 0; i < generators; ++i) starts.push_back(start_of(i));
  Buffer<Start> device_starts(starts);
  Buffer<State> states(generators);
  Buffer<u32> out(generators * draws);
  draw<<<1, generators>>>(device_starts.get(), states.get(), out.get());
  return {states.download(), out.download()};
}

// XORWOW: 160 bits of xorshift, and a Weyl sequence on top.

struct Xorwow {
  std::array<u32, 5> v;
  u32 d;
  u32 next() {
    const u32 t = v[0] ^ v[0] >> 2;
    v = {v[1], v[2], v[3], v[4], v[4] ^ v[4] << 4 ^ t ^ t << 1};
    d += 362437;
    return v[4] + d;
  }
};

/// A linear map of the 160 bits: what each of them becomes.
using Bits160 = std::array<u32, 5>;
using Map160 = std::vector<Bits160>;
Bits160 mapped(const Map160& map, const Bits160& bits) {
  Bits160 result{};
  for (int i = 0; i < 160; ++i) {
    if ((bits[i / 32] >> i % 32 & 1) == 0) continue;
    for (int word = 0; word < 5; ++word) result[word] ^= map[i][word];
  }
  return result;
}
/// The map of 2^power steps.
Map160 map_of_steps(int power) {
  Map160 map(160);
  for (int i = 0; i < 160; ++i) {
    Xorwow generator{};
    generator.v[i / 32] = u32{1} << i % 32;
    generator.next();
    map[i] = generator.v;
  }
  for (; power > 0; --power) {
    Map160 square(160);
    for (int i = 0; i < 160; ++i) square[i] = mapped(map, map[i]);
    map = square;
  }
  return map;
}

void test_xorwow() {
  const auto [states, bits] = drawn<curandStateXORWOW_t>();
  // Subsequences are 2^67 steps apart.
  std::map<u64, Map160> jumps;
  const auto jump_of = [&](u64 bit) -> const Map160& {
    const auto found = jumps.find(bit);
    if (found != jumps.end()) return found->second;
    return jumps[bit] = map_of_steps(67 + static_cast<int>(bit));
  };
  // States of equal seeds would differ by the subsequence and offset alone: start from the seed's.
  std::vector<Start> plain;
  for (int i = 0; i < generators; ++i) plain.push_back({start_of(i).seed, 0, 0});
  Buffer<Start> device_plain(plain);
  Buffer<curandStateXORWOW_t> device_states(generators);
  Buffer<u32> out(generators * draws);
  draw<<<1, generators>>>(device_plain.get(), device_states.get(), out.get());
  const auto seeded = device_states.download();
  for (int i = 0; i < generators; ++i) {
    Xorwow host{{}, seeded[i].d};
    for (int word = 0; word < 5; ++word) host.v[word] = seeded[i].v[word];
    const Start start = start_of(i);
    for (u64 bit = 0; bit < 64; ++bit) {
      if ((start.subsequence >> bit & 1) != 0) host.v = mapped(jump_of(bit), host.v);
    }
    for (u64 k = 0; k < start.offset; ++k) host.next();
    bool same = true;
    for (int k = 0; k < draws; ++k) same = same && bits[i * draws + k] == host.next();
    expect(same, "XORWOW");
  }
  // Nothing is left of the seeds' words by chance.
  expect(seeded[1].v[0] != seeded[2].v[0] && seeded[1].d != seeded[2].d, "XORWOW: seeds");
}

// MRG32k3a: two linear recurrences of three terms each.

using Vector3 = std::array<u64, 3>;
using Matrix3 = std::array<Vector3, 3>;  // rows

Vector3 times(const Matrix3& m, const Vector3& v, u64 modulus) {
  Vector3 result{};
  for (int row = 0; row < 3; ++row) {
    for (int k = 0; k < 3; ++k) result[row] = (result[row] + m[row][k] * v[k] % modulus) % modulus;
  }
  return result;
}
Matrix3 squared(const Matrix3& m, u64 modulus) {
  Matrix3 result{};
  for (int column = 0; column < 3; ++column) {
    const Vector3 product = times(m, {m[0][column], m[1][column], m[2][column]}, modulus);
    for (int row = 0; row < 3; ++row) result[row][column] = product[row];
  }
  return result;
}

struct Mrg32k3a {
  static constexpr u64 m1 = 4294967087, m2 = 4294944443;
  static constexpr Matrix3 a1{{{0, 1, 0}, {0, 0, 1}, {m1 - 810728, 1403580, 0}}};
  static constexpr Matrix3 a2{{{0, 1, 0}, {0, 0, 1}, {m2 - 1370589, 0, 527612}}};
  Vector3 s1, s2;

  explicit Mrg32k3a(u64 seed) : s1{12345, 12345, 12345}, s2(s1) {
    if (seed == 0) return;
    const u64 low = static_cast<u32>(seed) ^ 0x55555555U;
    const u64 high = static_cast<u32>(seed >> 32) ^ 0xAAAAAAAAU;
    s1 = {low * 12345 % m1, high * 12345 % m1, low * 12345 % m1};
    s2 = {high * 12345 % m2, low * 12345 % m2, high * 12345 % m2};
  }
  /// count * 2^power steps.
  void skip(u64 count, int power) {
    Matrix3 jump1 = a1, jump2 = a2;
    for (; power > 0; --power) jump1 = squared(jump1, m1), jump2 = squared(jump2, m2);
    for (; count != 0; count /= 2) {
      if (count % 2 != 0) s1 = times(jump1, s1, m1), s2 = times(jump2, s2, m2);
      jump1 = squared(jump1, m1), jump2 = squared(jump2, m2);
    }
  }
  u64 next() {
    s1 = times(a1, s1, m1), s2 = times(a2, s2, m2);
    return s1[2] > s2[2] ? s1[2] - s2[2] : s1[2] + m1 - s2[2];
  }
};

void test_mrg32k3a() {
  // The first numbers of L'Ecuyer's own streams.
  Mrg32k3a published(0);
  for (const double expected : {0.1270111220465771, 0.3185275653967945, 0.3091860155832701}) {
    const double value = static_cast<double>(published.next()) / (Mrg32k3a::m1 + 1);
    expect(std::abs(value - expected) < 1e-15, "MRG32k3a: published numbers");
  }
  const auto bits = drawn<curandStateMRG32k3a_t>().bits;
  for (int i = 0; i < generators; ++i) {
    const Start start = start_of(i);
    Mrg32k3a host(start.seed);
    host.skip(start.subsequence, 76);
    host.skip(start.offset, 0);
    bool same = true;
    for (int k = 0; k < draws; ++k) {
      // cuRAND stretches the numbers to 32 bits.
      const auto expected = static_cast<u32>(static_cast<double>(host.next()) * 1.000000048662);
      same = same && bits[i * draws + k] == expected;
    }
    expect(same, "MRG32k3a");
  }
}

// Philox4x32-10: ten rounds of multiplications on a counter.

using Four = std::array<u32, 4>;
Four philox(Four x, u32 key0, u32 key1) {
  for (int round = 0; round < 10; ++round) {
    const u64 p0 = u64{0xD2511F53} * x[0], p1 = u64{0xCD9E8D57} * x[2];
    x = {static_cast<u32>(p1 >> 32) ^ x[1] ^ key0, static_cast<u32>(p1),
         static_cast<u32>(p0 >> 32) ^ x[3] ^ key1, static_cast<u32>(p0)};
    key0 += 0x9E3779B9, key1 += 0xBB67AE85;
  }
  return x;
}

__global__ void philox_blocks(const uint4* counters, const uint2* keys, uint4* out) {
  out[threadIdx.x] = curand_Philox4x32_10(counters[threadIdx.x], keys[threadIdx.x]);
}

void test_philox() {
  const std::vector<uint4> counters{
      {0, 0, 0, 0}, {~0U, ~0U, ~0U, ~0U}, {0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344}};
  const std::vector<uint2> keys{{0, 0}, {~0U, ~0U}, {0xA4093822, 0x299F31D0}};
  const Four answers[] = {{0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8},
                          {0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD},
                          {0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1}};
  Buffer<uint4> device_counters(counters), out(3);
  Buffer<uint2> device_keys(keys);
  philox_blocks<<<1, 3>>>(device_counters.get(), device_keys.get(), out.get());
  const auto result = out.download();
  for (int i = 0; i < 3; ++i) {
    const Four device{result[i].x, result[i].y, result[i].z, result[i].w};
    expect(device == answers[i], "Philox: known answers");
    const uint4 c = counters[i];
    expect(philox({c.x, c.y, c.z, c.w}, keys[i].x, keys[i].y) == answers[i], "Philox: the oracle");
  }
  const auto bits = drawn<curandStatePhilox4_32_10_t>().bits;
  for (int i = 0; i < generators; ++i) {
    const Start start = start_of(i);
    bool same = true;
    for (int k = 0; k < draws; ++k) {
      const u64 place = start.offset + k;
      const Four block =
          philox({static_cast<u32>(place / 4), static_cast<u32>(place / 4 >> 32),
                  static_cast<u32>(start.subsequence), static_cast<u32>(start.subsequence >> 32)},
                 static_cast<u32>(start.seed), static_cast<u32>(start.seed >> 32));
      same = same && bits[i * draws + k] == block[place % 4];
    }
    expect(same, "Philox");
  }
}

template <typename State>
void test_floating(bool stretches) {
  constexpr int count = 32 * draws;
  Buffer<float> uniform(count), normal(count);
  Buffer<double> uniform_double(count), normal_double(count);
  Buffer<u32> device_bits(count);
  draw_floating<State><<<1, 32>>>(uniform.get(), uniform_double.get(), normal.get(),
                                  normal_double.get(), device_bits.get());
  const auto bits = device_bits.download();
  const auto singles = uniform.download(), normals = normal.download();
  const auto doubles = uniform_double.download(), normal_doubles = normal_double.download();
  double mean = 0, square = 0;
  for (int i = 0; i < count; ++i) {
    const double exact = bits[i] * 0x1p-32;
    expect(std::abs(singles[i] - exact) <= 0x1p-24 + 2e-8 && singles[i] > 0 && singles[i] <= 1,
           "curand_uniform");
    expect(doubles[i] > 0 && doubles[i] <= 1, "curand_uniform_double");
    mean += normal_doubles[i] / count;
    square += normal_doubles[i] * normal_doubles[i] / count;
    // Pairs of numbers become pairs of normal ones, by the method of Box and Muller.
    if (i % 2 != 0) continue;
    const double u = std::max<double>(singles[i], 0x1p-33);
    const double radius = std::sqrt(-2 * std::log(u)), angle = 2 * M_PI * (bits[i + 1] * 0x1p-32);
    // The device takes single precision: u is rounded to 2^-24, and angles up to 2 pi to 2^-22.
    const double tolerance = 1e-5 + 2e-7 / std::max(radius, 1e-3);
    expect(std::abs(normals[i] - radius * std::sin(angle)) < tolerance &&
               std::abs(normals[i + 1] - radius * std::cos(angle)) < tolerance,
           "curand_normal");
  }
  // 384 numbers: five standard deviations of the mean and of the mean square.
  expect(std::abs(mean) < 0.26 && std::abs(square - 1) < 0.37, "curand_normal_double");
  if (stretches) return;
  // 53 bits from two draws, of which the second is shifted up: one thread uses 2 of every 12.
  for (int thread = 0; thread < 32; ++thread) {
    for (int k = 0; 2 * k + 1 < draws; ++k) {
      const u64 z =
          bits[thread * draws + 2 * k] ^ static_cast<u64>(bits[thread * draws + 2 * k + 1]) << 21;
      expect(doubles[thread * draws + k] == static_cast<double>(z) * 0x1p-53 + 0x1p-54,
             "bits of curand_uniform_double");
    }
  }
}

__global__ void draw_sobol(u32 (*directions)[32], u32* out) {
  curandStateSobol32_t state;
  curand_init(directions[threadIdx.x], 5, &state);
  for (int k = 0; k < draws; ++k) out[threadIdx.x * draws + k] = curand(&state);
}

/// The dimensions of the polynomials 1 and x + 1. Element n is the sum, without carry, of the
/// directions that the bits of n's Gray code name.
void test_sobol() {
  std::vector<u32> directions(64);
  for (int i = 0; i < 32; ++i) {
    directions[i] = u32{1} << (31 - i);
    directions[32 + i] = i == 0 ? u32{1} << 31 : directions[31 + i] ^ directions[31 + i] >> 1;
  }
  Buffer<u32> device_directions(directions), out(2 * draws);
  draw_sobol<<<1, 2>>>(reinterpret_cast<u32(*)[32]>(device_directions.get()), out.get());
  const auto result = out.download();
  for (int dimension = 0; dimension < 2; ++dimension) {
    for (int k = 0; k < draws; ++k) {
      const u32 n = 5 + k;
      u32 expected = 0;
      for (int bit = 0; bit < 32; ++bit) {
        if (((n ^ n >> 1) >> bit & 1) != 0) expected ^= directions[32 * dimension + bit];
      }
      expect(result[dimension * draws + k] == expected, "Sobol");
    }
  }
}

int main() {
  test_xorwow();
  test_mrg32k3a();
  test_philox();
  test_floating<curandStateXORWOW_t>(false);
  test_floating<curandStatePhilox4_32_10_t>(true);
  test_floating<curandStateMRG32k3a_t>(true);
  test_sobol();
  return finish();
}
