// Graphs of single convolutions by cuDNN's graph interface.
#pragma once

#include <cudnn.h>

#include <algorithm>
#include <memory>

#include "check.h"

inline void require(cudnnStatus_t status, const char* what) {
  if (status == CUDNN_STATUS_SUCCESS) return;
  std::printf("%s: %s\n", what, cudnnGetErrorString(status));
  std::exit(1);
}

class Descriptor {
 public:
  explicit Descriptor(cudnnBackendDescriptorType_t type) {
    require(cudnnBackendCreateDescriptor(type, &descriptor_), "create descriptor");
  }
  ~Descriptor() { cudnnBackendDestroyDescriptor(descriptor_); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  cudnnBackendDescriptor_t get() const { return descriptor_; }
  template <typename T>
  Descriptor& set(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type,
                  const std::vector<T>& values) {
    require(cudnnBackendSetAttribute(descriptor_, name, type,
                                     static_cast<std::int64_t>(values.size()), values.data()),
            "set attribute");
    return *this;
  }
  Descriptor& set(cudnnBackendAttributeName_t name, const std::vector<std::int64_t>& values) {
    return set(name, CUDNN_TYPE_INT64, values);
  }
  Descriptor& set(cudnnBackendAttributeName_t name, const Descriptor& other) {
    return set(name, CUDNN_TYPE_BACKEND_DESCRIPTOR,
               std::vector<cudnnBackendDescriptor_t>{other.descriptor_});
  }
  cudnnStatus_t try_finalize() { return cudnnBackendFinalize(descriptor_); }
  Descriptor& finalize() {
    require(try_finalize(), "finalize");
    return *this;
  }
  template <typename T>
  std::vector<T> get(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type) const {
    std::vector<T> values(16);
    std::int64_t count = 0;
    require(cudnnBackendGetAttribute(descriptor_, name, type, 16, &count, values.data()),
            "get attribute");
    values.resize(static_cast<std::size_t>(count));
    return values;
  }

 private:
  cudnnBackendDescriptor_t descriptor_ = nullptr;
};

enum class Pass { forward, data, filter };

/// Extents along one axis serve for both.
struct Problem {
  Pass pass;
  std::int64_t n, c, h, k, r, stride, before, after, groups;
  float beta;

  std::int64_t p() const { return (h + before + after - r) / stride + 1; }
  std::int64_t x_size() const { return n * h * h * c; }
  std::int64_t w_size() const { return k * r * r * (c / groups); }
  std::int64_t y_size() const { return n * p() * p() * k; }
};

struct Tensors {
  std::vector<float> x, w, y;
  std::vector<float>& result(Pass pass) {
    return pass == Pass::forward ? y : pass == Pass::data ? x : w;
  }
};

inline void describe_tensor(Descriptor& tensor, std::int64_t id, std::int64_t n, std::int64_t c,
                            std::int64_t h, std::int64_t alignment = 16,
                            cudnnDataType_t type = CUDNN_DATA_FLOAT) {
  tensor.set(CUDNN_ATTR_TENSOR_DATA_TYPE, CUDNN_TYPE_DATA_TYPE, std::vector{type})
      .set(CUDNN_ATTR_TENSOR_DIMENSIONS, {n, c, h, h})
      .set(CUDNN_ATTR_TENSOR_STRIDES, {h * h * c, 1, h * c, c})
      .set(CUDNN_ATTR_TENSOR_UNIQUE_ID, {id})
      .set(CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, {alignment});
}

/// The graph of one convolution. Tensors have the identifiers 'x', 'w' and 'y'.
class Graph {
 public:
  explicit Graph(const Problem& a) : Graph(a, a.p()) {}
  Graph(const Problem& a, std::int64_t y_extent, std::int64_t alignment = 16,
        cudnnDataType_t type = CUDNN_DATA_FLOAT, cudnnDataType_t sums = CUDNN_DATA_FLOAT)
      : operation_(a.pass == Pass::forward ? CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR
                   : a.pass == Pass::data
                       ? CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR
                       : CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_FILTER_DESCRIPTOR) {
    describe_tensor(x_, 'x', a.n, a.c, a.h, alignment, type);
    describe_tensor(w_, 'w', a.k, a.c / a.groups, a.r, alignment, type);
    describe_tensor(y_, 'y', a.n, a.k, y_extent, alignment, type);
    for (Descriptor* const tensor : {&x_, &w_, &y_}) tensor->finalize();
    convolution_.set(CUDNN_ATTR_CONVOLUTION_COMP_TYPE, CUDNN_TYPE_DATA_TYPE, std::vector{sums})
        .set(CUDNN_ATTR_CONVOLUTION_CONV_MODE, CUDNN_TYPE_CONVOLUTION_MODE,
             std::vector{CUDNN_CROSS_CORRELATION})
        .set(CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS, {2})
        .set(CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS, {a.before, a.before})
        .set(CUDNN_ATTR_CONVOLUTION_POST_PADDINGS, {a.after, a.after})
        .set(CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES, {a.stride, a.stride})
        .set(CUDNN_ATTR_CONVOLUTION_DILATIONS, {1, 1})
        .finalize();
    constexpr cudnnBackendAttributeName_t names[][6] = {
        {CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC,
         CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W,
         CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA,
         CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_BETA},
        {CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_CONV_DESC,
         CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DX, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_W,
         CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DY,
         CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_ALPHA,
         CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_BETA},
        {CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_CONV_DESC,
         CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_X,
         CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DW,
         CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DY,
         CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_ALPHA,
         CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_BETA}};
    const auto& name = names[static_cast<int>(a.pass)];
    operation_.set(name[0], convolution_).set(name[1], x_).set(name[2], w_).set(name[3], y_);
    operation_.set(name[4], CUDNN_TYPE_FLOAT, std::vector{1.0F});
    operation_.set(name[5], CUDNN_TYPE_FLOAT, std::vector{a.beta});
  }

  cudnnStatus_t try_finalize() {
    if (const cudnnStatus_t status = operation_.try_finalize(); status != CUDNN_STATUS_SUCCESS) {
      return status;
    }
    return graph_.set(CUDNN_ATTR_OPERATIONGRAPH_OPS, operation_).try_finalize();
  }
  const Descriptor& finalized() {
    require(try_finalize(), "finalize a graph");
    return graph_;
  }

 private:
  Descriptor x_{CUDNN_BACKEND_TENSOR_DESCRIPTOR}, w_{CUDNN_BACKEND_TENSOR_DESCRIPTOR},
      y_{CUDNN_BACKEND_TENSOR_DESCRIPTOR}, convolution_{CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR},
      operation_, graph_{CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR};
};

/// An engine's configuration, from the heuristics.
struct Way {
  Descriptor config{CUDNN_BACKEND_ENGINECFG_DESCRIPTOR};
  std::vector<cudnnBackendNumericalNote_t> notes;

  bool has(cudnnBackendNumericalNote_t note) const {
    return std::find(notes.begin(), notes.end(), note) != notes.end();
  }
  bool has_plan() const {
    return Descriptor(CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR)
               .set(CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, config)
               .try_finalize() == CUDNN_STATUS_SUCCESS;
  }
};

inline std::vector<std::unique_ptr<Way>> ways_of(const Descriptor& graph,
                                                 cudnnBackendHeurMode_t mode) {
  Descriptor heuristics(CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR);
  heuristics.set(CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, graph)
      .set(CUDNN_ATTR_ENGINEHEUR_MODE, CUDNN_TYPE_HEUR_MODE, std::vector{mode})
      .finalize();
  std::int64_t count = 0;
  require(cudnnBackendGetAttribute(heuristics.get(), CUDNN_ATTR_ENGINEHEUR_RESULTS,
                                   CUDNN_TYPE_BACKEND_DESCRIPTOR, 0, &count, nullptr),
          "count of results");
  std::vector<std::unique_ptr<Way>> ways;
  std::vector<cudnnBackendDescriptor_t> configs;
  for (std::int64_t i = 0; i < count; ++i) {
    ways.push_back(std::make_unique<Way>());
    configs.push_back(ways.back()->config.get());
  }
  require(cudnnBackendGetAttribute(heuristics.get(), CUDNN_ATTR_ENGINEHEUR_RESULTS,
                                   CUDNN_TYPE_BACKEND_DESCRIPTOR, count, &count, configs.data()),
          "results");
  for (const auto& way : ways) {
    Descriptor engine(CUDNN_BACKEND_ENGINE_DESCRIPTOR);
    cudnnBackendDescriptor_t pointer = engine.get();
    require(cudnnBackendGetAttribute(way->config.get(), CUDNN_ATTR_ENGINECFG_ENGINE,
                                     CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &count, &pointer),
            "engine");
    way->notes = engine.get<cudnnBackendNumericalNote_t>(CUDNN_ATTR_ENGINE_NUMERICAL_NOTE,
                                                         CUDNN_TYPE_NUMERICAL_NOTE);
  }
  return ways;
}
