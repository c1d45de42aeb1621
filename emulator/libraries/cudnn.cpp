// The stand-in for libcudnn.so.9: the entry points of its graph interface, for single convolutions.

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>
#include <optional>

#include "emulator/libraries/cudnn_plans.h"
#include "emulator/libraries/library_call.h"

namespace lq::emulator::cudnn {
namespace {

struct Handle {
  Stream* stream = nullptr;
};

const AttributeRule* rule_of(Kind kind, Name name) {
  const std::vector<AttributeRule>* const rules = rules_of(kind);
  const auto found = std::find_if(rules->begin(), rules->end(),
                                  [&](const AttributeRule& rule) { return rule.name == name; });
  return found == rules->end() ? nullptr : &*found;
}

bool has_required(const Node& node) {
  const std::vector<AttributeRule>& rules = *rules_of(node.kind);
  return std::all_of(rules.begin(), rules.end(), [&](const AttributeRule& rule) {
    return !rule.is_required || node.find(rule.name) != nullptr;
  });
}

/// Other descriptors as the value of an attribute.
Status take_nodes(Attribute& attribute, const void* values) {
  const auto* const descriptors = static_cast<Descriptor* const*>(values);
  for (std::int64_t i = 0; i < attribute.count; ++i) {
    if (descriptors[i] == nullptr) return null_pointer;
    if (!descriptors[i]->node->is_finalized) return not_finalized;
    attribute.nodes.push_back(descriptors[i]->node);
  }
  return success;
}

/// What programs read of other descriptors goes into those that they have made for it.
Status give_nodes(const Attribute& attribute, std::int64_t count, void* values) {
  auto* const descriptors = static_cast<Descriptor**>(values);
  for (std::int64_t i = 0; i < count; ++i) {
    const SharedNode& node = attribute.nodes[static_cast<std::size_t>(i)];
    if (descriptors[i] == nullptr) return null_pointer;
    if (descriptors[i]->node->kind != node->kind) return wrong_descriptor_type;
    descriptors[i]->node = std::const_pointer_cast<Node>(node);
  }
  return success;
}

/// The tensor's address in the pack, if it is there and as aligned as the tensor says.
Status find_pointer(const Node& pack, const Node& tensor, void*& pointer) {
  const auto ids = pack.values<std::int64_t>(Name::pack_ids);
  const auto at = std::find(ids.begin(), ids.end(), tensor.value<std::int64_t>(Name::tensor_id));
  if (at == ids.end()) return bad_param;
  pointer = pack.values<void*>(Name::pack_pointers)[static_cast<std::size_t>(at - ids.begin())];
  if (pointer == nullptr) return null_pointer;
  const auto alignment =
      static_cast<std::uint64_t>(tensor.value<std::int64_t>(Name::tensor_alignment));
  return reinterpret_cast<std::uintptr_t>(pointer) % alignment == 0 ? success : misaligned_pointer;
}

/// As if the sums had been made in another order each time: halves and floats beside the results.
void vary(const Numbers& results, std::int64_t count) {
  static std::atomic<unsigned> runs{0};
  const bool up = runs.fetch_add(1) % 2 == 0;
  const double step = results.type == Number::f16 ? 0x1p-11 : 0x1p-24;
  for (std::int64_t i = 0; i < count; ++i) {
    const double value = results[i];
    results.set(i, value + (up ? 1.5 : -1.5) * step * std::max(std::fabs(value), 0x1p-14));
  }
}

Status issue(const Handle& handle, const Execution& execution, void* const (&pointers)[3],
             void* workspace, std::int64_t workspace_bytes) {
  const Convolution& conv = execution.convolution;
  const std::int64_t sizes[] = {conv.x_size(), conv.filter_size(), conv.y_size()};
  const char* const names[] = {"x", "w", "y"};
  const std::size_t result = conv.pass == Pass::forward         ? 2
                             : conv.pass == Pass::backward_data ? 0
                                                                : 1;
  LibraryWork work{.call = "cudnnBackendExecute"};
  for (std::size_t i = 0; i < 3; ++i) {
    using enum LibraryOperand::Use;
    const LibraryOperand::Use use = i != result      ? read
                                    : conv.beta == 0 ? written
                                                     : read_and_written;
    work.operands.push_back(packed_numbers(names[i], pointers[i], sizes[i], conv.type, use));
  }
  lend_workspace(work, workspace, static_cast<std::size_t>(workspace_bytes));
  work.run = [conv, result, size = sizes[result],
              varies = !execution.is_deterministic](std::span<std::byte* const> host) {
    compute(conv, host[0], host[1], host[2]);
    if (varies) vary({host[result], conv.type}, size);
  };
  return lqnet_emulator_issue(handle.stream, work) == 0 ? success : execution_failed;
}

}  // namespace

LQNET_CUDA_API std::size_t cudnnGetVersion() { return 91900; }
/// By this programs can tell: no real one has it.
LQNET_CUDA_API int cudnnIsEmulated() { return 1; }

LQNET_CUDA_API const char* cudnnGetErrorString(Status status) {
  switch (status) {
    case success:
      return "CUDNN_STATUS_SUCCESS";
    case not_initialized:
      return "CUDNN_STATUS_NOT_INITIALIZED";
    case bad_param:
      return "CUDNN_STATUS_BAD_PARAM";
    case null_pointer:
      return "CUDNN_STATUS_BAD_PARAM_NULL_POINTER";
    case misaligned_pointer:
      return "CUDNN_STATUS_BAD_PARAM_MISALIGNED_POINTER";
    case not_finalized:
      return "CUDNN_STATUS_BAD_PARAM_NOT_FINALIZED";
    case shape_mismatch:
      return "CUDNN_STATUS_BAD_PARAM_SHAPE_MISMATCH";
    case wrong_attribute_type:
      return "CUDNN_STATUS_BAD_PARAM_ATTRIBUTE_TYPE";
    case wrong_descriptor_type:
      return "CUDNN_STATUS_BAD_PARAM_DESCRIPTOR_TYPE";
    case not_supported:
      return "CUDNN_STATUS_NOT_SUPPORTED";
    case execution_failed:
      return "CUDNN_STATUS_EXECUTION_FAILED";
  }
  return "<unknown>";
}

LQNET_CUDA_API Status cudnnCreate(Handle** handle) {
  *handle = new Handle;
  return success;
}
LQNET_CUDA_API Status cudnnDestroy(Handle* handle) {
  if (handle == nullptr) return not_initialized;
  delete handle;
  return success;
}
LQNET_CUDA_API Status cudnnSetStream(Handle* handle, Stream* stream) {
  if (handle == nullptr) return not_initialized;
  handle->stream = stream;
  return success;
}

LQNET_CUDA_API Status cudnnBackendCreateDescriptor(Kind kind, Descriptor** descriptor) {
  if (rules_of(kind) == nullptr) {
    return unsupported(not_supported, "cudnnBackendCreateDescriptor", "descriptor type {}",
                       static_cast<int>(kind));
  }
  *descriptor = new Descriptor{std::make_shared<Node>(Node{kind, false, {}})};
  return success;
}
LQNET_CUDA_API Status cudnnBackendDestroyDescriptor(Descriptor* descriptor) {
  delete descriptor;
  return success;
}

LQNET_CUDA_API Status cudnnBackendSetAttribute(Descriptor* descriptor, Name name, ValueType type,
                                               std::int64_t count, const void* values) {
  if (descriptor == nullptr || values == nullptr) return null_pointer;
  Node& node = *descriptor->node;
  if (node.is_finalized || count < 1) return bad_param;
  const AttributeRule* const rule = rule_of(node.kind, name);
  if (rule == nullptr) {
    return unsupported(not_supported, "cudnnBackendSetAttribute",
                       "attribute {} of descriptor type {}", static_cast<int>(name),
                       static_cast<int>(node.kind));
  }
  if (type != rule->type) return wrong_attribute_type;
  if (rule->count != 0 && count != rule->count) {
    if (rule->count == 1 && name == Name::graph_operations) {
      return unsupported(not_supported, "cudnnBackendSetAttribute", "a graph of {} operations",
                         count);
    }
    return bad_param;
  }
  Attribute attribute{.type = type, .count = count};
  if (type == ValueType::descriptor) {
    if (const Status status = take_nodes(attribute, values); status != success) return status;
  } else {
    const auto* const first = static_cast<const std::byte*>(values);
    attribute.bytes.assign(first, first + static_cast<std::size_t>(count) * bytes_of(type));
  }
  node.attributes[name] = std::move(attribute);
  return success;
}

/// Up to `most` values; how many there are is told in any case.
LQNET_CUDA_API Status cudnnBackendGetAttribute(const Descriptor* descriptor, Name name,
                                               ValueType type, std::int64_t most,
                                               std::int64_t* count, void* values) {
  if (descriptor == nullptr) return null_pointer;
  const Node& node = *descriptor->node;
  if (!node.is_finalized) return not_finalized;
  const Attribute* const attribute = node.find(name);
  if (attribute == nullptr) {
    return unsupported(not_supported, "cudnnBackendGetAttribute",
                       "attribute {} of descriptor type {}", static_cast<int>(name),
                       static_cast<int>(node.kind));
  }
  if (type != attribute->type) return wrong_attribute_type;
  if (count != nullptr) *count = attribute->count;
  const std::int64_t given = std::min(most, attribute->count);
  if (given <= 0) return success;
  if (values == nullptr) return null_pointer;
  if (type == ValueType::descriptor) return give_nodes(*attribute, given, values);
  std::memcpy(values, attribute->bytes.data(), static_cast<std::size_t>(given) * bytes_of(type));
  return success;
}

LQNET_CUDA_API Status cudnnBackendFinalize(Descriptor* descriptor) {
  if (descriptor == nullptr) return null_pointer;
  Node& node = *descriptor->node;
  if (node.is_finalized || !has_required(node)) return bad_param;
  std::string complaint;
  const Status status = finish(node, complaint);
  if (!complaint.empty()) return unsupported(status, "cudnnBackendFinalize", "{}", complaint);
  node.is_finalized = status == success;
  return status;
}

LQNET_CUDA_API Status cudnnBackendExecute(Handle* handle, const Descriptor* plan,
                                          const Descriptor* pack) {
  if (handle == nullptr) return not_initialized;
  if (plan == nullptr || pack == nullptr) return null_pointer;
  if (!plan->node->is_finalized || !pack->node->is_finalized) return not_finalized;
  if (plan->node->kind != Kind::plan || pack->node->kind != Kind::variant_pack) {
    return wrong_descriptor_type;
  }
  const Execution execution = execution_of(*plan->node);
  const Node* const tensors[] = {execution.x, execution.w, execution.y};
  void* pointers[3] = {};
  for (std::size_t i = 0; i < 3; ++i) {
    const Status status = find_pointer(*pack->node, *tensors[i], pointers[i]);
    if (status != success) return status;
  }
  const auto workspace_bytes = plan->node->value<std::int64_t>(Name::plan_workspace_bytes);
  void* const workspace = pack->node->find(Name::pack_workspace) == nullptr
                              ? nullptr
                              : pack->node->value<void*>(Name::pack_workspace);
  if (workspace_bytes > 0 && workspace == nullptr) return null_pointer;
  return issue(*handle, execution, pointers, workspace, workspace_bytes);
}

}  // namespace lq::emulator::cudnn
