#include "deploy/packed_file.h"

#include <gtest/gtest.h>

#include <array>
#include <bit>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "core/io/file.h"
#include "core/io/safetensors.h"
#include "deploy/layer_parts.h"
#include "deploy/packed_network.h"
#include "deploy/validate.h"
#include "tests/deploy/chain_model.h"
#include "tests/deploy/model_text.h"
#include "tests/deploy/random_model.h"
#include "tests/deploy/resnet20_model.h"
#include "tests/deploy/shared_bases.h"
#include "tests/support/errors.h"
#include "tests/support/files.h"
#include "tests/support/temporary_folder.h"

namespace lq::testing {
namespace {

using deploy::PackedNetwork;
using Json = nlohmann::json;

std::string file_of(const PackedModel& model) {
  const TemporaryFolder folder;
  deploy::write_packed_model(folder / "network.lqn", model);
  EXPECT_EQ(names_in(folder.path()), std::vector<std::string>{"network.lqn"});
  return content_of(folder / "network.lqn");
}

PackedModel parsed(const std::string& file) { return deploy::parse_packed_model(as_bytes(file)); }

std::string version_of(const std::string& file) {
  return parse_safetensors(as_bytes(file)).metadata.at("version");
}

TEST(PackedFileTest, EverythingComesBack) {
  for (std::uint32_t seed = 0; seed < 40; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    const PackedModel model = RandomModel(seed).model();
    const std::string file = file_of(model);
    EXPECT_TRUE(text_of(parsed(file)) == text_of(model));
    EXPECT_TRUE(file_of(parsed(file)) == file);
  }
}

TEST(PackedFileTest, SharedBasesComeBack) {
  int files_that_share = 0;
  for (std::uint32_t seed = 0; seed < 40; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    const PackedModel model = with_shared_bases(RandomModel(seed).model());
    const std::string file = file_of(model);
    EXPECT_TRUE(text_of(parsed(file)) == text_of(model));
    EXPECT_TRUE(file_of(parsed(file)) == file);
    if (version_of(file) == "3") ++files_that_share;
  }
  EXPECT_GE(files_that_share, 20);
}

TEST(PackedFileTest, ReadsByPath) {
  const TemporaryFolder folder;
  const PackedModel model = RandomModel(3).model();
  deploy::write_packed_model(folder / "a.lqn", model);
  EXPECT_EQ(text_of(deploy::read_packed_model(folder / "a.lqn")), text_of(model));
  write_content(folder / "b.lqn", "");
  EXPECT_TRUE(throws_error([&] { deploy::read_packed_model(folder / "b.lqn"); },
                           "b.lqn: file has only 0 bytes"));
  EXPECT_TRUE(throws_error([&] { deploy::read_packed_model(folder / "c.lqn"); }, "cannot open"));
}

TEST(PackedFileTest, RefusesToWriteAnUnsoundModel) {
  const TemporaryFolder folder;
  PackedModel model = RandomModel(3).model();
  model.class_names.pop_back();
  EXPECT_TRUE(throws_error([&] { deploy::write_packed_model(folder / "a.lqn", model); },
                           "4 class names for 5 scores"));
  model.class_names.push_back("\xFF");
  EXPECT_TRUE(
      throws_error([&] { deploy::write_packed_model(folder / "a.lqn", model); }, "not UTF-8"));
  EXPECT_TRUE(names_in(folder.path()).empty());
}

// The format, by hand: a fully connected layer of 2 bits on codes of 1 bit.
PackedModel hand_made_model() {
  PackedModel model{.name = "tiny",
                    .values = {{.h = 1, .w = 1, .c = 3},
                               {.kind = ValueKind::planes, .h = 1, .w = 1, .c = 3, .planes = 1},
                               {.h = 1, .w = 1, .c = 2}},
                    .input = 0,
                    .output = 2};
  model.preprocessing = {.mean = {1, 2, 3}, .scale = {0.5F}, .pads_small_images = true};
  model.class_names = {"cat", "dog"};
  Convolution quantize{.name = "quantize", .residual = 0, .symbol_outputs = {1}};
  quantize.description = {.geometry = {.n = 1,
                                       .h = 1,
                                       .w = 1,
                                       .c_out = 3,
                                       .kernel_h = 1,
                                       .kernel_w = 1,
                                       .out_h = 1,
                                       .out_w = 1},
                          .scale = {1, 1, 1},
                          .shift = {0, 0, 0},
                          .has_residual = true,
                          .symbol_outputs = {{.thresholds = {0.25F, 0.5F, 0.75F},
                                              .signs = {1, -1, 1},
                                              .symbols = {0, 1},
                                              .planes = 1}}};
  Convolution layer{.name = "fc", .inputs = {1}, .float_outputs = {2}};
  layer.description = {.geometry = {.n = 1,
                                    .h = 1,
                                    .w = 1,
                                    .c_in = 3,
                                    .c_out = 2,
                                    .kernel_h = 1,
                                    .kernel_w = 1,
                                    .out_h = 1,
                                    .out_w = 1},
                       .segments = {BitSegment{.channels = 3,
                                               .weight_bits = 2,
                                               .input_bits = 1,
                                               .weight_codes = {0, 1, 2, 3, 0, 1},
                                               .weight_basis = {1, 2, 3, 4},
                                               .input_basis = {5}}},
                       .scale = {1, 1},
                       .shift = {6, 7},
                       .float_outputs = {{.relu = true}}};
  model.operations = {quantize, layer};
  return model;
}

TEST(PackedFileTest, IsWhatThePageDescribes) {
  const std::string file = file_of(hand_made_model());
  const SafetensorsFile tensors = parse_safetensors(as_bytes(file));
  EXPECT_EQ(tensors.metadata.at("format"), "lqnet-packed");
  EXPECT_EQ(tensors.metadata.at("version"), "1");
  EXPECT_EQ(Json::parse(tensors.metadata.at("program")), Json::parse(R"({
    "name": "tiny", "scale": 0.5, "pads": true, "classes": ["cat", "dog"], "input": 0, "output": 2,
    "values": [[1, 1, 3], [1, 1, 3, 1], [1, 1, 2]],
    "operations": [
      ["conv", "quantize", [1, 1, 1, 1, 0, 0, 0, 0], [], 0, 0, [], [[1, 1, [0, 1]]]],
      ["conv", "fc", [1, 1, 1, 1, 0, 0, 0, 0], [[1, 2]], -1, 2, [[2, 2]], []]]})"));

  const auto expect_tensor = [&](const char* name, const auto& expected) {
    const Tensor* tensor = tensors.find(name);
    ASSERT_NE(tensor, nullptr) << name;
    using Element = typename std::decay_t<decltype(expected)>::value_type;
    const auto span = tensor->span<Element>();
    EXPECT_EQ(std::vector<Element>(span.begin(), span.end()), expected) << name;
  };
  // Plane 0 of the codes 0 1 2 3 0 1 is 0 1 0 1 0 1, plane 1 is 0 0 1 1 0 0: from the lowest bit
  // on, 01010100 1100----.
  expect_tensor("w1.0", std::vector<std::uint8_t>{0b00101010, 0b00000011});
  expect_tensor("floats", std::vector<float>{0.25F, 0.5F, 0.75F, 1, 2, 3, 4, 5, 6, 7});
  expect_tensor("bytes", std::vector<std::uint8_t>{0b010});
  expect_tensor("mean", std::vector<float>{1, 2, 3});
  EXPECT_EQ(tensors.find("mean")->shape(), (Shape{1, 1, 3}));
  EXPECT_EQ(tensors.tensors.size(), 4U);
}

TEST(PackedFileTest, TheVariantIsKeptWhereThereIsOne) {
  PackedModel model = hand_made_model();
  EXPECT_EQ(parsed(file_of(model)).variant, "");
  model.variant = "type-a";
  const std::string file = file_of(model);
  const Metadata metadata = parse_safetensors(as_bytes(file)).metadata;
  EXPECT_EQ(metadata.at("version"), "1");  // readers that do not know the key pass over it
  EXPECT_EQ(Json::parse(metadata.at("program"))["variant"], "type-a");
  EXPECT_EQ(text_of(parsed(file)), text_of(model));
}

/// Files that were written once and must stay readable: the fuzzer starts from them.
TEST(PackedFileTest, ReadsFilesThatWereWrittenOnce) {
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(LQNET_PACKED_FILE_CORPUS)) {
    SCOPED_TRACE(entry.path().string());
    const PackedModel model = deploy::read_packed_model(entry.path());
    EXPECT_TRUE(text_of(parsed(file_of(model))) == text_of(model));
    ++files;
  }
  EXPECT_GE(files, 7);
}

/// Names of layers, extents and offsets included; the mean image and class names are not.
TEST(PackedFileTest, SizeFollowsTheRule) {
  for (const auto& [weight_bits, input_bits] : {std::pair(1, 1), {1, 2}, {2, 2}, {3, 3}, {4, 4}}) {
    const ResNet20Model network(weight_bits, input_bits);
    const auto size = static_cast<double>(file_of(network.model()).size());
    RecordProperty("bytes_" + std::to_string(weight_bits) + "_" + std::to_string(input_bits),
                   std::to_string(size) + " of " + std::to_string(network.rule_bytes()));
    EXPECT_LE(size, 1.02 * static_cast<double>(network.rule_bytes()))
        << weight_bits << "/" << input_bits << " bits";
  }
}

/// What is written can be run: no kernel has room for more.
TEST(PackedFileTest, RefusesConvolutionsOfTooManyParts) {
  const TemporaryFolder folder;
  const auto refuses = [&](auto&& change, const char* message) {
    PackedModel model = hand_made_model();
    change(model, std::get<Convolution>(model.operations[1]));
    return throws_error([&] { deploy::write_packed_model(folder / "a.lqn", model); }, message);
  };
  const auto concatenate = [](PackedModel&, Convolution& layer) {
    layer.inputs.resize(9, layer.inputs[0]);
    layer.description.segments.resize(9, layer.description.segments[0]);
    layer.description.geometry.c_in *= 9;
  };
  const auto give_floats = [](PackedModel& model, Convolution& layer) {
    for (int i = 0; i < 4; ++i) {
      layer.float_outputs.push_back(model.values.size());
      layer.description.float_outputs.push_back({});
      model.values.push_back(model.values[model.output]);
    }
  };
  EXPECT_TRUE(refuses(concatenate, "9 segments, 1 float and 0 symbol outputs"));
  EXPECT_TRUE(refuses(give_floats, "1 segments, 5 float and 0 symbol outputs"));
}

/// Each row of results takes memory once an operation is prepared, which no weights pay for.
TEST(PackedFileTest, RefusesTooManyRowsOfResults) {
  const TemporaryFolder folder;
  const Value tall = {.h = deploy::max_extent};
  EXPECT_NO_THROW(deploy::write_packed_model(folder / "a.lqn", chain_model(tall, 1)));
  EXPECT_TRUE(
      throws_error([&] { deploy::write_packed_model(folder / "b.lqn", chain_model(tall, 2)); },
                   "more than 1048576 rows of results"));
}

TEST(PackedFileTest, RefusesEveryTruncation) {
  const std::string file = file_of(hand_made_model());
  for (std::size_t length = 0; length < file.size(); ++length) {
    EXPECT_TRUE(throws_error([&] { parsed(file.substr(0, length)); }, "")) << length << " bytes";
  }
  EXPECT_TRUE(throws_error([&] { parsed(file + '\0'); }, "1 bytes follow"));
}

TEST(PackedFileTest, RefusesEveryFlippedBit) {
  std::string file = file_of(hand_made_model());
  for (std::size_t bit = 0; bit < 8 * file.size(); ++bit) {
    const auto flip = [&] { file[bit / 8] = static_cast<char>(file[bit / 8] ^ 1 << bit % 8); };
    flip();
    EXPECT_TRUE(throws_error([&] { parsed(file); }, "")) << "bit " << bit;
    flip();
  }
  EXPECT_NO_THROW(parsed(file));
}

/// A file whose parts can be changed, as someone hostile would.
struct OpenFile {
  std::vector<NamedTensor> tensors;
  Metadata metadata;
  Json program;  ///< a string stands for the program's text

  explicit OpenFile(const std::string& file) {
    SafetensorsFile content = parse_safetensors(as_bytes(file));
    tensors = std::move(content.tensors);
    metadata = std::move(content.metadata);
    program = Json::parse(metadata.at("program"));
  }

  /// A file as other programs write it: without the checksum of lqnet.
  std::string closed() const {
    Metadata changed = metadata;
    if (changed.contains("program")) {
      changed["program"] = program.is_string() ? program.get<std::string>() : program.dump();
    }
    Json header = {{"__metadata__", changed}};
    std::string data;
    for (const auto& [name, tensor] : tensors) {
      const std::size_t begin = data.size();
      data.append(static_cast<const char*>(tensor.raw()), tensor.bytes());
      header[name] = {{"dtype", dtype_name(tensor.dtype())},
                      {"shape", tensor.shape().extents()},
                      {"data_offsets", {begin, data.size()}}};
    }
    const std::string text = header.dump();
    const auto length = std::bit_cast<std::array<char, 8>>(std::uint64_t{text.size()});
    return std::string(length.data(), length.size()) + text + data;
  }

  static std::string dtype_name(DType dtype) {
    if (dtype == DType::f32) return "F32";
    return dtype == DType::u8 ? "U8" : "I32";
  }
};

TEST(PackedFileTest, RefusesHostilePrograms) {
  struct Case {
    const char* pointer;  ///< into the program
    const char* value;
    const char* message;
  };
  // Operation 0 quantizes value 0 to value 1, operation 1 is a layer from value 1 to value 2.
  const std::vector<Case> cases = {
      {"", "[]", "program is not an object"},
      {"/name", "5", "name is not a string"},
      {"/variant", "5", "variant is not a string"},
      {"/scale", "\"x\"", "scale is not a number"},
      {"/scale", "1e300", "scale is 1e+300"},
      {"/pads", "1", "pads is neither true nor false"},
      {"/classes", "{}", "classes: object given"},
      {"/classes", "[1, 2]", "entry 0 is not a string"},
      {"/classes", "[\"one\"]", "1 class names for 2 scores"},
      {"/input", "-1", "entry 0 is -1"},
      {"/input", "3", "value 3 of 3"},
      {"/input", "1", "the input is bit-planes, expected floats"},
      {"/input", "18446744073709551615", "not a whole number"},
      {"/output", "0", "same value"},
      {"/output", "1", "the output is 1x1x3 1 bit-planes"},
      {"/output", "16384", "value 16384 of 3"},
      {"/output", "1.0", "not a whole number"},
      {"/values", "[]", "value 0 of 0"},
      {"/values/0", "[1, 1]", "only 2 entries"},
      {"/values/0", "[1, 1, 3, 0, 0]", "5 entries, expected 4"},
      {"/values/0/2", "-3", "entry 2 is -3"},
      {"/values/0/2", "0", "entry 2 is 0"},
      {"/values/0/2", "9223372036854775807", "entry 2 is 9223372036854775807"},
      {"/values/0", "[1048576, 1048576, 1048576]", "elements"},
      {"/values/1/3", "9", "entry 3 is 9"},
      {"/values/1/3", "2", "tensor floats is too short"},
      {"/values/1/3", "0", "segment: only 2 entries"},
      {"/values/3", "[1, 1, 1]", "value 3 is never written"},
      {"/operations/1/0", "\"convolve\"", "operation \"convolve\" is not known"},
      {"/operations/1/0", "7", "entry 0 is not a string"},
      {"/operations/1", "[]", "only 0 entries"},
      {"/operations/1/8", "0", "9 entries, expected 8"},
      {"/operations/1/2/0", "0", "window: entry 0 is 0"},
      {"/operations/1/2/0", "1025", "window: entry 0 is 1025"},
      {"/operations/1/2/0", "2", "does not fit"},
      {"/operations/1/2/4", "1", "output is 1x1x2 floats, expected 2x1x2 floats"},
      {"/operations/1/2/2", "5000000000", "window: entry 2 is 5000000000"},
      {"/operations/1/3", "[]", "neither segments nor a residual"},
      {"/operations/1/3/0/0", "3", "value 3 of 3"},
      {"/operations/1/3/0/0", "2", "tensor w1.0 is 2"},
      {"/operations/1/3/0/1", "0", "entry 1 is 0"},
      {"/operations/1/3/0/1", "9", "entry 1 is 9"},
      {"/operations/1/3/0/1", "3", "tensor w1.0 is 2"},
      {"/operations/1/3/1", "[1, 2]", "tensor w1.1 is missing"},
      {"/operations/1/4", "2", "read before it is written"},
      {"/operations/1/4", "0", "residual is 1x1x3 floats, expected 1x1x2 floats"},
      {"/operations/1/5", "4", "entry 5 is 4"},
      {"/operations/1/5", "3", "tensor floats is too short by 2"},
      {"/operations/1/5", "0", "tensor floats is too long by 2"},
      {"/operations/1/6", "[]", "no outputs"},
      {"/operations/1/6/1", "[2, 0]", "written a second time"},
      {"/operations/1/6/0/0", "1", "tensor"},
      {"/operations/1/6/0/1", "4", "entry 1 is 4"},
      {"/operations/0/4", "-1", "neither segments nor a residual"},
      {"/operations/0/4", "1", "read before it is written"},
      {"/operations/0/4", "-2", "entry 4 is -2"},
      {"/operations/0/7/0/1", "3", "entry 1 is 3"},
      {"/operations/0/7/0/1", "0", "tensor bytes is too long"},
      {"/operations/0/7/0/1", "2", "tensor floats"},
      {"/operations/0/7/0/2", "[]", "no symbols"},
      {"/operations/0/7/0/2", "[0, 2]", "a symbol is larger than 1"},
      {"/operations/0/7/0/2", "[0, 256]", "entry 1 is 256"},
      {"/operations/0/7/0/2", "[0, 1, 1]", "tensor floats"},
      {"/operations/0/7/0/0", "2", "tensor"},
      {"/operations/0/1", "[[[[[[[[[]]]]]]]]]", "nested too deeply"},
  };
  const std::string file = file_of(hand_made_model());
  for (const Case& c : cases) {
    OpenFile open(file);
    open.program[Json::json_pointer(c.pointer)] = Json::parse(c.value);
    EXPECT_TRUE(throws_error([&] { parsed(open.closed()); }, c.message))
        << c.pointer << " = " << c.value;
  }
  for (const char* key :
       {"name", "scale", "pads", "classes", "input", "output", "values", "operations"}) {
    OpenFile open(file);
    open.program.erase(key);
    EXPECT_TRUE(throws_error([&] { parsed(open.closed()); }, key));
  }
}

TEST(PackedFileTest, RefusesHostileOperationsOfEveryKind) {
  struct Case {
    const char* operation;  ///< in front of the classifier, from value 1 (floats) to value 3
    const char* message;
  };
  const std::vector<Case> cases = {
      {R"(["max_pool","p",1,3,0,1,0,0,[]])", "entry 4 is 0"},
      {R"(["max_pool","p",1,3,2,2000000,0,0,[]])", "entry 5 is 2000000"},
      {R"(["max_pool","p",1,3,2,1,2,0,[]])", "padding 2 and 0"},
      {R"(["max_pool","p",1,3,1,2,0,0,[]])", "windows lie outside"},
      {R"(["max_pool","p",1,3,1,1,0,0,[0]])", "an order of codes for floats"},
      {R"(["max_pool","p",1,3,1,1,0,0,[300]])", "entry 0 is 300"},
      {R"(["max_pool","p",1,4,1,1,0,0,[]])", "value 4 of 4"},
      {R"(["max_pool","p",1,0,1,1,0,0,[]])", "written a second time"},
      {R"(["average_pool","p",1,3,1,1,0,0,[]])", "9 entries, expected 8"},
      {R"(["average_pool","p",1,3,2,2,0,0])", "windows lie outside"},
      {R"(["global_average_pool","p",1,3])", "output is 4x4x3 floats, expected 1x1x3 floats"},
      {R"(["global_average_pool","p",2,3])", "read before it is written"},
      {R"(["channel_pad","p",1,3,1])", "1 channels before the 3"},
      {R"(["channel_pad","p",1,3,-1])", "entry 4 is -1"},
      {R"(["concat","p",[],3])", "no inputs"},
      {R"(["concat","p",[1,1],3])", "output is 4x4x3 floats, expected 4x4x6 floats"},
      {R"(["dequantize","p",1,3,2])", "tensor floats is too short"},
      {R"(["dequantize","p",1,3,0])", "entry 4 is 0"},
      {R"(["conv","p",[1,1,1,1,0,0,0,0],[[1,0]],-1,0,[[3,0]],[]])", "tensor w1.0 is missing"},
  };
  PackedModel model{.values = {{.h = 4, .w = 4, .c = 3}, {.h = 4, .w = 4, .c = 3}, {.c = 3}},
                    .input = 0,
                    .output = 2};
  model.operations = {MaxPool{.name = "first", .input = 0, .output = 1, .kernel = 1, .stride = 1},
                      GlobalAveragePool{.name = "last", .input = 1, .output = 2}};
  const std::string file = file_of(model);
  for (const Case& c : cases) {
    OpenFile open(file);
    open.program["values"].push_back({4, 4, 3});
    Json& operations = open.program["operations"];
    operations.insert(operations.begin() + 1, Json::parse(c.operation));
    EXPECT_TRUE(throws_error([&] { parsed(open.closed()); }, c.message)) << c.operation;
  }
}

TEST(PackedFileTest, RefusesHostileTensorsAndMetadata) {
  const std::string file = file_of(hand_made_model());
  const auto with = [&](auto&& change) {
    OpenFile open(file);
    change(open);
    return open.closed();
  };
  const auto refuses = [&](const std::string& changed, const char* message) {
    EXPECT_TRUE(throws_error([&] { parsed(changed); }, message));
  };
  const auto tensor = [](OpenFile& open, const char* name) -> Tensor& {
    return std::ranges::find(open.tensors, name, &NamedTensor::first)->second;
  };
  refuses(with([](OpenFile& open) { open.metadata.erase("format"); }), "has no \"format\"");
  refuses(with([](OpenFile& open) { open.metadata["format"] = "pt"; }), "format is \"pt\"");
  refuses(with([](OpenFile& open) { open.metadata["version"] = "4"; }), "version is \"4\"");
  refuses(with([](OpenFile& open) { open.metadata.erase("program"); }), "has no \"program\"");
  refuses(with([](OpenFile& open) {
            open.tensors.emplace_back("extra", Tensor::zeros({2}, DType::u8));
          }),
          "5 tensors, expected 4");
  refuses(with([](OpenFile& open) {
            std::erase_if(open.tensors, [](const auto& named) { return named.first == "w1.0"; });
          }),
          "tensor w1.0 is missing");
  refuses(with([&](OpenFile& open) { tensor(open, "w1.0") = Tensor::zeros({2}, DType::i32); }),
          "tensor w1.0 is 2 of i32");
  refuses(with([&](OpenFile& open) {
            tensor(open, "floats") = Tensor::zeros({2, 5});
          }),
          "expected a row of f32");
  refuses(with([&](OpenFile& open) { tensor(open, "floats") = Tensor::zeros({9}); }),
          "tensor floats is too short by 1");
  refuses(with([&](OpenFile& open) { tensor(open, "mean") = Tensor::zeros({3}); }),
          "tensor mean is 3 of f32");
  const auto set_float = [&](const char* name, int i, float value) {
    return with([&](OpenFile& open) {
      Tensor changed = tensor(open, name).clone();
      changed.span<float>()[i] = value;
      tensor(open, name) = changed;
    });
  };
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float infinity = std::numeric_limits<float>::infinity();
  refuses(set_float("floats", 0, nan), "threshold 0 of channel 0 is nan");
  refuses(set_float("floats", 3, infinity), "weight basis contains inf");
  refuses(set_float("floats", 7, nan), "input basis contains nan");
  refuses(set_float("floats", 8, infinity), "shift contains inf");
  refuses(set_float("mean", 1, nan), "not finite");

  refuses(with([](OpenFile& open) { open.program = "{\"name\":"; }), "program is not valid JSON");
}

/// Images whose shorter side is scaled, with numbers for each channel.
PackedModel model_of_version_2() {
  PackedModel model{.values = {{.h = 4, .w = 3, .c = 2}, {.c = 2}}, .input = 0, .output = 1};
  model.operations = {GlobalAveragePool{.name = "pool", .input = 0, .output = 1}};
  model.preprocessing = {.mean = {1.5F, 2.5F},
                         .scale = {0.5F, 0.25F},
                         .shorter_side = 6,
                         .resampling = deploy::Resampling::bicubic_opencv,
                         .bgr = true};
  return model;
}

TEST(PackedFileTest, PreprocessingOfVersion2IsKept) {
  const std::string file = file_of(model_of_version_2());
  const SafetensorsFile tensors = parse_safetensors(as_bytes(file));
  EXPECT_EQ(tensors.metadata.at("version"), "2");
  EXPECT_EQ(tensors.find("mean")->shape(), (Shape{1, 1, 2}));
  const Json program = Json::parse(tensors.metadata.at("program"));
  EXPECT_EQ(program["scale"], Json::parse("[0.5, 0.25]"));
  EXPECT_EQ(program["shorter_side"], 6);
  EXPECT_EQ(program["resampling"], "bicubic_opencv");
  EXPECT_EQ(program["order"], "bgr");
  EXPECT_EQ(ModelText(parsed(file)).text(), ModelText(model_of_version_2()).text());

  // Each of them alone wants the version, too.
  const auto version_with = [](auto&& change) {
    PackedModel model = model_of_version_2();
    model.preprocessing = {};
    change(model.preprocessing);
    const std::string text = file_of(model);
    EXPECT_EQ(ModelText(parsed(text)).text(), ModelText(model).text());
    return version_of(text);
  };
  EXPECT_EQ(version_with([](auto&) {}), "1");
  EXPECT_EQ(version_with([](auto& fit) { fit.mean = {1, 2}; }), "2");
  EXPECT_EQ(version_with([](auto& fit) { fit.scale = {1, 2}; }), "2");
  EXPECT_EQ(version_with([](auto& fit) { fit.shorter_side = 4; }), "2");
  EXPECT_EQ(version_with([](auto& fit) { fit.bgr = true; }), "2");
}

TEST(PackedFileTest, RefusesHostilePreprocessing) {
  struct Case {
    const char* key;
    const char* value;
    const char* message;
  };
  for (const Case& c : {Case{"scale", "0.5", "scale is not a list"},
                        {"scale", "[]", "a scale of 0 numbers"},
                        {"scale", "[1, 2, 3]", "a scale of 3 numbers"},
                        {"scale", "[1, \"a\"]", "scale is not a number"},
                        {"scale", "[1, 1e300]", "scale is 1e+300"},
                        {"shorter_side", "3", "a shorter side of 3 pixels"},
                        {"shorter_side", "-1", "entry 0 is -1"},
                        {"shorter_side", "2000000", "entry 0 is 2000000"},
                        {"resampling", "\"cubic\"", "resampling is \"cubic\""},
                        {"resampling", "1", "resampling is not a string"},
                        {"order", "\"rbg\"", "order is \"rbg\""}}) {
    OpenFile open(file_of(model_of_version_2()));
    open.program[c.key] = Json::parse(c.value);
    EXPECT_TRUE(throws_error([&] { parsed(open.closed()); }, c.message)) << c.key << c.value;
    open.program.erase(c.key);
    EXPECT_TRUE(throws_error([&] { parsed(open.closed()); }, c.key));
  }
  // Version 1 has no words for any of it.
  OpenFile open(file_of(model_of_version_2()));
  open.metadata["version"] = "1";
  EXPECT_TRUE(throws_error([&] { parsed(open.closed()); }, "scale is not a number"));
}

/// A layer of single pixels that adds up a value of three channels for each segment.
Convolution pixel_layer(std::string name, std::vector<std::size_t> inputs, std::size_t output,
                        std::int64_t channels, std::vector<kernels::BitconvSegment> segments) {
  Convolution layer{.name = std::move(name), .inputs = std::move(inputs)};
  layer.float_outputs = {output};
  layer.description = {.geometry = {.n = 1,
                                    .h = 1,
                                    .w = 1,
                                    .c_in = 3 * std::ssize(layer.inputs),
                                    .c_out = channels,
                                    .kernel_h = 1,
                                    .kernel_w = 1,
                                    .out_h = 1,
                                    .out_w = 1},
                       .segments = std::move(segments),
                       .scale = std::vector<float>(channels, 1.0F),
                       .shift = std::vector<float>(channels, 0.0F),
                       .float_outputs = {{}}};
  return layer;
}

/// The layer made by hand with three segments, the last of which is a convolution of its own, and
/// between the two layers whose bases it could not have.
PackedModel model_of_version_3() {
  PackedModel model = hand_made_model();
  model.values.push_back({.kind = ValueKind::bytes, .c = 3});
  for (const int channels : {2, 2, 1, 2}) model.values.push_back({.c = channels});

  auto& quantize = std::get<Convolution>(model.operations[0]);
  quantize.symbol_outputs.push_back(3);
  quantize.description.symbol_outputs.push_back(quantize.description.symbol_outputs[0]);
  quantize.description.symbol_outputs[1].planes = 0;

  auto& fc = std::get<Convolution>(model.operations[1]);
  fc.residual = 4;
  fc.description.has_residual = true;
  const auto bits = std::get<BitSegment>(fc.description.segments[0]);
  const CodedFloatSegment floats{.channels = 3,
                                 .weight_bits = 2,
                                 .weight_codes = bits.weight_codes,
                                 .weight_basis = bits.weight_basis};
  const deploy::CodedWeights coded{.bits = 2, .codes = bits.weight_codes, .basis = {1, 2, 3, 4}};
  const GridSegment grid{
      .channels = 3, .weights = grid_weights(coded, 2), .weight_scale = {8, 9}, .input_scale = 10};
  const CodedFloatSegment one{
      .channels = 3, .weight_bits = 2, .weight_codes = {0, 1, 2}, .weight_basis = {1, 2}};
  const FloatSegment plain{.channels = 3, .weights = {1, 2, 3, 4, 5, 6}};

  Convolution bytes = pixel_layer("bytes", {3, 3}, 5, 2, {grid, grid});
  bytes.coded_weights = {coded, coded};
  model.operations = {model.operations[0],
                      pixel_layer(deploy::partial_name("fc", 2), {0, 1}, 4, 2, {floats, bits}),
                      bytes,
                      pixel_layer("one", {0}, 6, 1, {one}),
                      pixel_layer("plain", {0}, 7, 2, {plain}),
                      model.operations[1]};
  return model;
}

TEST(PackedFileTest, TheBasisOfALayerIsStoredOnce) {
  const std::string file = file_of(model_of_version_3());
  const SafetensorsFile tensors = parse_safetensors(as_bytes(file));
  EXPECT_EQ(tensors.metadata.at("version"), "3");
  const Json program = Json::parse(tensors.metadata.at("program"));
  const auto segments = [&](int operation) { return program["operations"][operation][3]; };
  EXPECT_EQ(segments(1), Json::parse("[[0, 2], [1, 2, [1, 0]]]"));
  EXPECT_EQ(segments(2), Json::parse("[[3, 2, 0], [3, 2, 0, [2, 0]]]"));
  EXPECT_EQ(segments(5), Json::parse("[[1, 2, [1, 0]]]"));
  // The words of version 2.
  EXPECT_EQ(program["scale"], Json::parse("[0.5]"));
  EXPECT_EQ(program["shorter_side"], 0);

  const auto floats = tensors.find("floats")->span<float>();
  EXPECT_EQ(std::vector<float>(floats.begin() + 6, floats.end()),
            (std::vector<float>{1, 2, 3, 4, 5, 8, 9, 10, 10, 1, 2, 5, 6, 7}));
  const auto bytes = tensors.find("bytes")->span<std::uint8_t>();
  EXPECT_EQ(std::vector<std::uint8_t>(bytes.begin(), bytes.end()),
            (std::vector<std::uint8_t>{0b010, 0b010, 1, 2, 3, 4}));
  EXPECT_EQ(text_of(parsed(file)), text_of(model_of_version_3()));
}

TEST(PackedFileTest, OnlyWhatIsTheSameBitByBitIsShared) {
  PackedModel model = model_of_version_3();
  const auto segment = [&](int operation, int s) -> kernels::BitconvSegment& {
    return std::get<Convolution>(model.operations[operation]).description.segments[s];
  };
  std::get<CodedFloatSegment>(segment(1, 0)).weight_basis[0] = 0.0F;
  std::get<BitSegment>(segment(1, 1)).weight_basis[0] = -0.0F;
  std::get<GridSegment>(segment(2, 1)).weight_scale[1] = 11;
  const std::string file = file_of(model);
  EXPECT_EQ(version_of(file), "1");  // another layer's basis is not taken either
  EXPECT_EQ(text_of(parsed(file)), text_of(model));
}

TEST(PackedFileTest, RefusesHostilePlacesOfBases) {
  struct Case {
    const char* pointer;  ///< into the operations
    const char* value;
    const char* message;
  };
  const std::vector<Case> cases = {
      {"/1/3/0/2", "[1, 0]", "segment 0 of operation 1, which is not before this one"},
      {"/1/3/1/2", "[1, 1]", "segment 1 of operation 1, which is not before this one"},
      {"/1/3/1/2", "[0, 0]", "segment 0 of operation 0, which is not before this one"},
      {"/1/3/1/2", "[2, 0]", "basis: entry 0 is 2, expected 0 to 1"},
      {"/1/3/1/2", "[-1, 0]", "basis: entry 0 is -1"},
      {"/1/3/1/2", "[1, -1]", "basis: entry 1 is -1"},
      {"/1/3/1/2", "[1, 9223372036854775807]", "basis: entry 1 is 9223372036854775807"},
      {"/1/3/1/2", "[1]", "basis: only 1 entries"},
      {"/1/3/1/2", "[1, 0, 0]", "basis: 3 entries, expected 2"},
      {"/1/3/1/2", "1", "basis: number given, expected a list"},
      {"/1/3/1/3", "[1, 0]", "segment: 4 entries, expected 3"},
      {"/1/3/1/1", "1", "basis of another segment: 4 elements of 2 bits, expected 2 of 1"},
      {"/2/3/1/3", "[1, 0]", "basis of another segment: floats, expected integers"},
      {"/4/3/0/2", "[1, 0]", "segment: 3 entries, expected 2"},
      {"/5/3/0/2", "[1, 2]", "segment 2 of operation 1, which is not before this one"},
      {"/5/3/0/2", "[2, 0]", "basis of another segment: integers, expected floats"},
      {"/5/3/0/2", "[3, 0]", "basis of another segment: 2 elements of 2 bits, expected 4 of 2"},
      {"/5/3/0/2", "[4, 0]", "basis of another segment: 0 elements of 0 bits, expected 4 of 2"},
      {"/5/3/0", "[1, 2]", "tensor floats is too short"},
  };
  const std::string file = file_of(model_of_version_3());
  for (const Case& c : cases) {
    OpenFile open(file);
    open.program["operations"][Json::json_pointer(c.pointer)] = Json::parse(c.value);
    EXPECT_TRUE(throws_error([&] { parsed(open.closed()); }, c.message))
        << c.pointer << " = " << c.value;
  }
  // Other versions have no such places.
  OpenFile open(file);
  open.metadata["version"] = "2";
  EXPECT_TRUE(throws_error([&] { parsed(open.closed()); }, "segment: 3 entries, expected 2"));
}

TEST(PackedFileTest, ABasisMayBeAnyEarlierOneOfItsSize) {
  OpenFile open(file_of(model_of_version_3()));
  open.program["operations"][5][3][0][2] = {1, 1};
  EXPECT_EQ(text_of(parsed(open.closed())), text_of(model_of_version_3()));
}

void collect_integers(Json& json, std::vector<Json*>& found) {
  if (json.is_number_integer()) found.push_back(&json);
  if (!json.is_structured()) return;
  for (Json& part : json) collect_integers(part, found);
}

/// Whatever can be read can also be run. With a sanitizer this is the test that nothing is read or
/// written out of bounds.
TEST(PackedFileTest, RandomDamageIsRefusedOrHarmless) {
  std::mt19937 random(1);
  const auto below = [&](std::size_t count) {
    return std::uniform_int_distribution<std::size_t>(0, count - 1)(random);
  };
  int accepted = 0;
  for (std::uint32_t seed = 0; seed < 20; ++seed) {
    const PackedModel undamaged = RandomModel(seed).model();
    const std::string file = file_of(seed % 2 == 0 ? undamaged : with_shared_bases(undamaged));
    for (int round = 0; round < 40; ++round) {
      OpenFile open(file);
      // A number somewhere in the program, and a bit of a tensor.
      std::vector<Json*> numbers;
      collect_integers(open.program, numbers);
      *numbers[below(numbers.size())] = static_cast<int>(below(6)) - 1;
      Tensor& tensor = open.tensors[below(open.tensors.size())].second;
      static_cast<std::uint8_t*>(tensor.raw())[below(tensor.bytes())] ^=
          static_cast<std::uint8_t>(1U << below(8));
      PackedModel model;
      try {
        model = parsed(open.closed());
      } catch (const Error& error) {
        EXPECT_EQ(std::string_view(error.what()).find('\n'), std::string_view::npos);
        continue;
      }
      ++accepted;
      PackedNetwork network(model, {.max_batch = 2});
      const Value& input = network.input();
      std::vector<float> scores(2 * network.classes());
      network.run(std::vector<float>(2 * input.h * input.w * input.c, 1.0F), scores);
    }
  }
  EXPECT_GT(accepted, 50);
}

}  // namespace
}  // namespace lq::testing
