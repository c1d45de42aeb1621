// Descriptors of cuDNN's graph interface: attributes by name.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "emulator/libraries/cudnn_types.h"

namespace lq::emulator::cudnn {

struct Node;
using SharedNode = std::shared_ptr<const Node>;

/// Values of one type, either plain ones or other descriptors, which they share.
struct Attribute {
  ValueType type = ValueType::int64;
  std::int64_t count = 0;
  std::vector<std::byte> bytes;
  std::vector<SharedNode> nodes;
};

/// What a descriptor says.
struct Node {
  Kind kind = Kind::tensor;
  bool is_finalized = false;
  std::map<Name, Attribute> attributes;

  const Attribute* find(Name name) const {
    const auto found = attributes.find(name);
    return found == attributes.end() ? nullptr : &found->second;
  }
  /// Of an attribute that is there, as finalizing has seen to.
  template <typename T>
  std::vector<T> values(Name name) const {
    const Attribute& attribute = attributes.at(name);
    const auto* const first = reinterpret_cast<const T*>(attribute.bytes.data());
    return {first, first + attribute.count};
  }
  template <typename T>
  T value(Name name) const {
    return values<T>(name).at(0);
  }
  const Node& node(Name name) const { return *attributes.at(name).nodes.at(0); }

  template <typename T>
  void set_values(Name name, ValueType type, std::span<const T> values) {
    const auto bytes = std::as_bytes(values);
    attributes[name] = {type,
                        static_cast<std::int64_t>(values.size()),
                        std::vector<std::byte>(bytes.begin(), bytes.end()),
                        {}};
  }
  void set_node(Name name, SharedNode node) {
    attributes[name] = {ValueType::descriptor, 1, {}, {std::move(node)}};
  }
};

/// What programs hold.
struct Descriptor {
  std::shared_ptr<Node> node;
};

/// An attribute that a kind of descriptor has.
struct AttributeRule {
  Name name;
  ValueType type;
  std::int64_t count = 1;  // of values; 0 for any number
  bool is_required = true;
};

/// Those that programs set. Empty for kinds that programs only read, null for kinds that there are
/// not.
const std::vector<AttributeRule>* rules_of(Kind kind);

std::size_t bytes_of(ValueType type);

}  // namespace lq::emulator::cudnn
