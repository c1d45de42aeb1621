#include "kernels/common/onednn.h"

#include "core/device.h"

namespace lq::kernels::onednn {

const dnnl::engine& engine() {
  static const dnnl::engine cpu(dnnl::engine::kind::cpu, 0);
  return cpu;
}

dnnl::stream& stream() {
  thread_local dnnl::stream queue(engine());
  return queue;
}

dnnl::primitive_attr attributes(dnnl::post_ops operations) {
  dnnl::primitive_attr result;
  result.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  result.set_post_ops(operations);
  return result;
}

dnnl::post_ops add_to_destination() {
  dnnl::post_ops operations;
  operations.append_sum(1.0F);
  return operations;
}

Scratch::Scratch(const MemoryDescription& description)
    : block_(device_memory({}).allocate(description.get_size()), GiveBack{description.get_size()}),
      memory_(description, engine(), block_.get()) {}

void Scratch::GiveBack::operator()(void* block) const noexcept {
  device_memory({}).deallocate(block, bytes);
}

Memory memory_of(const MemoryDescription& description, const float* data) {
  return {description, engine(), const_cast<float*>(data)};
}

void Executable::run(std::unordered_map<int, Memory> arguments) const {
  if (scratchpad.get_size() == 0) {
    primitive.execute(stream(), arguments);
    return;
  }
  const Scratch scratch(scratchpad);
  arguments.insert_or_assign(DNNL_ARG_SCRATCHPAD, scratch.memory());
  primitive.execute(stream(), arguments);
}

Executable make_reorder(const MemoryDescription& from, const MemoryDescription& to, bool add) {
  const auto description = dnnl::reorder::primitive_desc(
      engine(), from, engine(), to, attributes(add ? add_to_destination() : dnnl::post_ops()));
  return Executable(description);
}

}  // namespace lq::kernels::onednn
