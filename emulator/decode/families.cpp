#include "emulator/decode/families.h"

#include <unordered_map>

#include "core/error.h"
#include "core/isa.h"
#include "emulator/instructions/instruction_tables.h"
#include "emulator/instructions/scalar_forms.h"
#include "kernels/common/isa_variants.h"

namespace lq::emulator {
namespace {

using FormIndex = std::unordered_map<std::string_view, const Form*>;

FormIndex make_index() {
  FormIndex index;
  const auto add = [&](const FormTable& table) {
    for (std::size_t i = 0; i < table.count; ++i) {
      const bool is_new = index.emplace(table.forms[i].opcode, &table.forms[i]).second;
      check(is_new, "instruction tables: {} is there twice", table.forms[i].opcode);
    }
  };
  using kernels::choose_isa;
  add(choose_isa<FormTable>(LQNET_VECTOR_ISAS(integer_forms)));
  add(choose_isa<FormTable>(LQNET_VECTOR_ISAS(bit_forms)));
  add(choose_isa<FormTable>(LQNET_VECTOR_ISAS(compare_forms)));
  add(choose_isa<FormTable>(LQNET_VECTOR_ISAS(convert_forms)));
  add(choose_isa<FormTable>(LQNET_VECTOR_ISAS(to_integer_forms)));
  add(choose_isa<FormTable>(LQNET_VECTOR_ISAS(single_forms)));
  add(choose_isa<FormTable>(LQNET_VECTOR_ISAS(double_forms)));
  add(choose_isa<FormTable>(LQNET_VECTOR_ISAS(half_forms)));
  add(choose_isa<FormTable>(LQNET_VECTOR_ISAS(half_compare_forms)));
  add(directed_forms);
  add(transcendental_forms);
  add(small_conversion_forms);
  add(packed_conversion_forms);
  add(packed_integer_forms);
  return index;
}

const FormIndex& form_index() {
  static const FormIndex index = make_index();
  return index;
}

}  // namespace

std::vector<const Form*> all_forms() {
  std::vector<const Form*> forms;
  for (const auto& [opcode, form] : form_index()) forms.push_back(form);
  return forms;
}

const Form* find_form(std::string_view opcode) {
  const FormIndex& index = form_index();
  const auto found = index.find(opcode);
  return found == index.end() ? nullptr : found->second;
}

Decoder decoder_of(std::string_view base) {
  static const std::unordered_map<std::string_view, Decoder> decoders{
      {"mov", decode_mov},
      {"cvt", decode_cvt},
      {"cvta", decode_cvta},
      {"isspacep", decode_isspacep},
      {"setp", decode_setp},
      {"set", decode_set},
      {"add", decode_add_sub_mad},
      {"addc", decode_add_sub_mad},
      {"sub", decode_add_sub_mad},
      {"subc", decode_add_sub_mad},
      {"mad", decode_add_sub_mad},
      {"madc", decode_add_sub_mad},
      {"min", decode_min_max},
      {"max", decode_min_max},
      {"lop3", decode_lop3},
      {"vadd2", decode_simd_video},
      {"vadd4", decode_simd_video},
      {"vsub2", decode_simd_video},
      {"vsub4", decode_simd_video},
      {"vavrg2", decode_simd_video},
      {"vavrg4", decode_simd_video},
      {"vabsdiff2", decode_simd_video},
      {"vabsdiff4", decode_simd_video},
      {"vmin2", decode_simd_video},
      {"vmin4", decode_simd_video},
      {"vmax2", decode_simd_video},
      {"vmax4", decode_simd_video},
      {"vset2", decode_simd_video},
      {"vset4", decode_simd_video},
      {"ld", decode_ld},
      {"ldu", decode_ld},
      {"st", decode_st},
      {"atom", decode_atom},
      {"red", decode_red},
      {"cp", decode_cp},
      {"mbarrier", decode_mbarrier},
      {"mapa", decode_mapa},
      {"getctarank", decode_getctarank},
      {"membar", decode_fence},
      {"fence", decode_fence},
      {"prefetch", decode_without_effect},
      {"prefetchu", decode_without_effect},
      {"nanosleep", decode_without_effect},
      {"discard", decode_without_effect},
      {"applypriority", decode_without_effect},
      {"pmevent", decode_without_effect},
      {"griddepcontrol", decode_without_effect},
      {"createpolicy", decode_createpolicy},
      {"alloca", decode_stack},
      {"stacksave", decode_stack},
      {"stackrestore", decode_stack},
      {"bra", decode_bra},
      {"brx", decode_brx},
      {"call", decode_call},
      {"ret", decode_ret},
      {"exit", decode_exit},
      {"trap", decode_trap},
      {"brkpt", decode_trap},
      {"bar", decode_bar},
      {"barrier", decode_bar},
      {"shfl", decode_shfl},
      {"vote", decode_vote},
      {"match", decode_match},
      {"redux", decode_redux},
      {"activemask", decode_activemask},
      {"elect", decode_elect},
      {"mma", decode_mma},
      {"ldmatrix", decode_ldmatrix},
      {"stmatrix", decode_stmatrix},
      {"movmatrix", decode_movmatrix},
      {"wmma", decode_wmma},
      {"wgmma", decode_wgmma},
      {"setmaxnreg", decode_setmaxnreg},
  };
  const auto found = decoders.find(base);
  return found == decoders.end() ? nullptr : found->second;
}

}  // namespace lq::emulator
