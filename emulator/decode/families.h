// Decoders of families of instructions, and how an opcode finds its own.
#pragma once

#include "emulator/decode/builder.h"

namespace lq::emulator {

/// Appends the current instruction of the builder. Throws Error for a form that is not known.
using Decoder = void (*)(FunctionBuilder&);

/// The decoder of a base opcode ("ld"), or null if its forms are rows of tables.
Decoder decoder_of(std::string_view base);

/// The row of an opcode with all its modifiers, or null.
const Form* find_form(std::string_view opcode);
/// All rows of all tables.
std::vector<const Form*> all_forms();

/// Handler of instructions that have no effect, or none but their flow.
inline void do_nothing(Frame&, const Instruction&, LaneMask) {}

// In decode_data.cpp: moves, conversions, comparisons with a predicate.
void decode_mov(FunctionBuilder& builder);
void decode_cvt(FunctionBuilder& builder);
void decode_cvta(FunctionBuilder& builder);
void decode_isspacep(FunctionBuilder& builder);
void decode_setp(FunctionBuilder& builder);
void decode_form(FunctionBuilder& builder);

// In decode_arithmetic.cpp.
void decode_add_sub_mad(FunctionBuilder& builder);
void decode_lop3(FunctionBuilder& builder);
void decode_min_max(FunctionBuilder& builder);
void decode_set(FunctionBuilder& builder);

// In decode_video.cpp.
void decode_simd_video(FunctionBuilder& builder);

// In decode_memory.cpp.
void decode_ld(FunctionBuilder& builder);
void decode_st(FunctionBuilder& builder);
void decode_fence(FunctionBuilder& builder);
void decode_without_effect(FunctionBuilder& builder);
void decode_createpolicy(FunctionBuilder& builder);

// In decode_async_copy.cpp.
void decode_cp(FunctionBuilder& builder);

// In decode_bulk_copy.cpp, behind "cp.async.bulk" and "cp.reduce.async.bulk".
void decode_bulk(FunctionBuilder& builder, Opcode opcode, bool reduces);

// In decode_mbarrier.cpp.
void decode_mbarrier(FunctionBuilder& builder);
/// Behind "cp.async.mbarrier".
void decode_copies_arrive(FunctionBuilder& builder, Opcode opcode);

// In decode_cluster.cpp.
/// Behind "barrier.cluster".
void decode_cluster_barrier(FunctionBuilder& builder, Opcode opcode);
void decode_mapa(FunctionBuilder& builder);
void decode_getctarank(FunctionBuilder& builder);

// In decode_atomic.cpp.
void decode_atom(FunctionBuilder& builder);
void decode_red(FunctionBuilder& builder);

// In decode_stack.cpp.
void decode_stack(FunctionBuilder& builder);

// In decode_control.cpp.
void decode_bra(FunctionBuilder& builder);
void decode_brx(FunctionBuilder& builder);
void decode_call(FunctionBuilder& builder);
void decode_ret(FunctionBuilder& builder);
void decode_exit(FunctionBuilder& builder);
void decode_trap(FunctionBuilder& builder);
void decode_bar(FunctionBuilder& builder);

// In decode_warp.cpp.
void decode_shfl(FunctionBuilder& builder);
void decode_vote(FunctionBuilder& builder);
void decode_match(FunctionBuilder& builder);
void decode_redux(FunctionBuilder& builder);
void decode_activemask(FunctionBuilder& builder);
void decode_elect(FunctionBuilder& builder);
void decode_bar_warp_sync(FunctionBuilder& builder);

// In decode_matrix.cpp.
void decode_mma(FunctionBuilder& builder);

// In decode_matrix_memory.cpp.
void decode_ldmatrix(FunctionBuilder& builder);
void decode_stmatrix(FunctionBuilder& builder);
void decode_movmatrix(FunctionBuilder& builder);

// In decode_wmma.cpp.
void decode_wmma(FunctionBuilder& builder);

// In decode_warpgroup.cpp.
void decode_wgmma(FunctionBuilder& builder);
void decode_setmaxnreg(FunctionBuilder& builder);

}  // namespace lq::emulator
