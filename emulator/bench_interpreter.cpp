// Measures the interpreter: lane instructions, and products of matrices, per second on one core,
// with all checks.
// Usage: emulator_bench

#include <fmt/core.h>

#include <cstring>
#include <ctime>
#include <string>

#include "emulator/decode/program.h"
#include "emulator/machine/grid.h"
#include "emulator/ptx/parser.h"

namespace lq::emulator {
namespace {

// A sum in registers; loads and stores of rows, and of rows that all blocks read; a tile in shared
// memory, read as in a matrix product. Blocks write rows of their own.
constexpr const char* kernels = R"(
.version 9.0
.target sm_80
.address_size 64
.visible .entry registers(.param .u64 p)
{
  .reg .pred %p<2>;
  .reg .b32 %r<9>;
  .reg .b64 %rd<4>;
  mov.u32 %r1, %tid.x;
  mov.b32 %r2, 0;
  mov.b32 %r3, 0;
loop:
  xor.b32 %r4, %r1, %r2;
  popc.b32 %r5, %r4;
  add.s32 %r3, %r3, %r5;
  mad.lo.s32 %r1, %r1, 1664525, %r5;
  shl.b32 %r6, %r1, 3;
  add.s32 %r3, %r3, %r6;
  add.s32 %r2, %r2, 1;
  setp.lt.s32 %p1, %r2, 4096;
  @%p1 bra loop;
  ld.param.u64 %rd1, [p];
  mov.u32 %r2, %ctaid.x;
  shl.b32 %r2, %r2, 8;
  mov.u32 %r4, %tid.x;
  add.s32 %r2, %r2, %r4;
  mul.wide.u32 %rd2, %r2, 4;
  add.s64 %rd3, %rd1, %rd2;
  st.global.u32 [%rd3], %r3;
  ret;
}
.visible .entry rows(.param .u64 p)
{
  .reg .pred %p<2>;
  .reg .b32 %r<9>;
  .reg .b64 %rd<4>;
  mov.u32 %r1, %ctaid.x;
  shl.b32 %r1, %r1, 8;
  mov.u32 %r2, %tid.x;
  add.s32 %r1, %r1, %r2;
  ld.param.u64 %rd1, [p];
  mul.wide.u32 %rd2, %r1, 4;
  add.s64 %rd3, %rd1, %rd2;
  mov.b32 %r2, 0;
loop:
  ld.global.u32 %r3, [%rd3];
  add.s32 %r3, %r3, %r2;
  st.global.u32 [%rd3], %r3;
  add.s32 %r2, %r2, 1;
  setp.lt.s32 %p1, %r2, 4096;
  @%p1 bra loop;
  ret;
}
.visible .entry common_rows(.param .u64 p)
{
  .reg .pred %p<2>;
  .reg .b32 %r<9>;
  .reg .b64 %rd<9>;
  ld.param.u64 %rd1, [p];
  mov.u32 %r1, %ctaid.x;
  shl.b32 %r1, %r1, 8;
  mov.u32 %r2, %tid.x;
  add.s32 %r1, %r1, %r2;
  mul.wide.u32 %rd2, %r1, 4;
  add.s64 %rd3, %rd1, %rd2;
  mul.wide.u32 %rd4, %r2, 4;
  add.s64 %rd4, %rd4, %rd1;
  add.s64 %rd4, %rd4, 16384;
  mov.b32 %r2, 0;
  mov.b32 %r3, 0;
loop:
  and.b32 %r4, %r2, 511;
  shl.b32 %r4, %r4, 7;
  cvt.u64.u32 %rd5, %r4;
  add.s64 %rd5, %rd5, %rd4;
  ld.global.u32 %r5, [%rd5];
  add.s32 %r3, %r3, %r5;
  add.s32 %r2, %r2, 1;
  setp.lt.s32 %p1, %r2, 1024;
  @%p1 bra loop;
  st.global.u32 [%rd3], %r3;
  ret;
}
.visible .entry tile(.param .u64 p)
{
  .reg .pred %p<2>;
  .reg .b32 %r<20>;
  .reg .b64 %rd<4>;
  .shared .align 16 .b8 memory[4096];
  mov.u32 %r1, %tid.x;
  shl.b32 %r2, %r1, 2;
  mov.u32 %r3, memory;
  add.s32 %r4, %r3, %r2;
  st.shared.u32 [%r4], %r1;
  bar.sync 0;
  and.b32 %r5, %r1, 15;
  shl.b32 %r5, %r5, 6;
  add.s32 %r5, %r5, %r3;
  mov.b32 %r6, 0;
  mov.b32 %r7, 0;
loop:
  ld.shared.v4.u32 {%r8, %r9, %r10, %r11}, [%r5];
  ld.shared.v4.u32 {%r12, %r13, %r14, %r15}, [%r3+16];
  xor.b32 %r8, %r8, %r12;
  popc.b32 %r8, %r8;
  add.s32 %r7, %r7, %r8;
  xor.b32 %r9, %r9, %r13;
  popc.b32 %r9, %r9;
  add.s32 %r7, %r7, %r9;
  xor.b32 %r10, %r10, %r14;
  popc.b32 %r10, %r10;
  add.s32 %r7, %r7, %r10;
  xor.b32 %r11, %r11, %r15;
  popc.b32 %r11, %r11;
  add.s32 %r7, %r7, %r11;
  add.s32 %r6, %r6, 1;
  setp.lt.s32 %p1, %r6, 1024;
  @%p1 bra loop;
  bar.sync 0;
  st.shared.u32 [%r4], %r7;
  ret;
}
)";

struct Run {
  double seconds = 0;
  Counters counters;
};

Run run_kernel(const Program& program, DeviceMemory& memory, std::uint64_t buffer,
               const std::string& kernel, bool finds_races) {
  Launch launch{.program = &program,
                .kernel = &program.functions[program.index.at(kernel)],
                .grid = {16, 1, 1},
                .block = {256, 1, 1},
                .memory = &memory,
                .finds_races = finds_races};
  launch.arguments.resize(sizeof(buffer));
  std::memcpy(launch.arguments.data(), &buffer, sizeof(buffer));
  // Time of the processor, which does not depend on who else uses the machine.
  const std::clock_t start = std::clock();
  const Counters counters = run_grid(launch, 1);
  return {static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC, counters};
}

void measure(const Program& program, DeviceMemory& memory, std::uint64_t buffer, const char* kernel,
             bool finds_races) {
  const auto [seconds, counters] = run_kernel(program, memory, buffer, kernel, finds_races);
  fmt::print("{:12} {:7.0f} M lane instructions/s, {:5.1f} ns per warp instruction{}\n", kernel,
             1e-6 * static_cast<double>(counters.lane_instructions) / seconds,
             1e9 * seconds / static_cast<double>(counters.warp_instructions),
             finds_races ? "" : ", races between blocks not looked for");
}

/// An instruction of a warp that multiplies matrices, with its operands.
struct MeasuredProduct {
  const char* opcode;
  const char* operands;
};
constexpr MeasuredProduct matrix_products[] = {
    {"mma.sync.aligned.m16n8k256.row.col.s32.b1.b1.s32.and.popc",
     "{%r4,%r5,%r6,%r7}, {%r0,%r1,%r2,%r3}, {%r0,%r1}, {%r4,%r5,%r6,%r7}"},
    {"mma.sync.aligned.m16n8k32.row.col.s32.s8.s8.s32",
     "{%r4,%r5,%r6,%r7}, {%r0,%r1,%r2,%r3}, {%r0,%r1}, {%r4,%r5,%r6,%r7}"},
    {"mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32",
     "{%f4,%f5,%f6,%f7}, {%r0,%r1,%r2,%r3}, {%r0,%r1}, {%f4,%f5,%f6,%f7}"},
    {"mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32",
     "{%f4,%f5,%f6,%f7}, {%r0,%r1,%r2,%r3}, {%r0,%r1}, {%f4,%f5,%f6,%f7}"},
};

/// Products into the same accumulators, 8 in each round of a loop.
void measure(const MeasuredProduct& product, DeviceMemory& memory, std::uint64_t buffer) {
  constexpr int rounds = 512;
  constexpr int at_once = 8;
  std::string products;
  for (int i = 0; i < at_once; ++i) {
    products += fmt::format("{} {};\n", product.opcode, product.operands);
  }
  const Program program = load_program(ptx::parse_module(fmt::format(R"(.version 8.0
.target sm_80
.address_size 64
.visible .entry products(.param .u64 p)
{{
  .reg .pred %p<2>;
  .reg .b32 %r<9>;
  .reg .b32 %f<9>;
  mov.u32 %r0, %tid.x;
  mul.lo.u32 %r1, %r0, 1664525;
  mul.lo.u32 %r2, %r0, 1013904223;
  xor.b32 %r3, %r1, %r2;
  mov.b32 %r4, 0;
  mov.b32 %r5, 0;
  mov.b32 %r6, 0;
  mov.b32 %r7, 0;
  mov.b32 %f4, 0;
  mov.b32 %f5, 0;
  mov.b32 %f6, 0;
  mov.b32 %f7, 0;
  mov.b32 %r8, 0;
loop:
  {}
  add.s32 %r8, %r8, 1;
  setp.lt.s32 %p1, %r8, {};
  @%p1 bra loop;
  ret;
}}
)",
                                                                     products, rounds)),
                                       memory);
  const auto [seconds, counters] = run_kernel(program, memory, buffer, "products", true);
  constexpr int warps = 16 * 8;
  fmt::print("{:5.2f} M/s of {}\n", 1e-6 * warps * rounds * at_once / seconds, product.opcode);
}

}  // namespace
}  // namespace lq::emulator

int main() {
  using namespace lq::emulator;
  DeviceMemory memory(std::uint64_t{1} << 28);
  const Program program = load_program(ptx::parse_module(kernels), memory);
  const std::uint64_t buffer = memory.allocate(16384 + 131072);
  memory.mark_written(buffer, 16384 + 131072);
  for (const char* const kernel : {"registers", "rows", "common_rows", "tile"}) {
    for (const bool finds_races : {true, false}) {
      measure(program, memory, buffer, kernel, finds_races);
    }
  }
  for (const MeasuredProduct& product : matrix_products) measure(product, memory, buffer);
}
