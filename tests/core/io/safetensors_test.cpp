#include "core/io/safetensors.h"

#include <gtest/gtest.h>

#include <array>
#include <bit>
#include <cstring>
#include <string>
#include <vector>

#include "core/io/file.h"
#include "tests/support/errors.h"
#include "tests/support/files.h"
#include "tests/support/random.h"
#include "tests/support/temporary_folder.h"

namespace lq::testing {
namespace {

using Names = std::vector<std::string>;

/// The bytes of a file with this header, as it stands, and data.
std::string file_of(const std::string& header, const std::string& data) {
  const auto length = std::bit_cast<std::array<char, 8>>(std::uint64_t{header.size()});
  return std::string(length.data(), length.size()) + header + data;
}

SafetensorsFile parsed(const std::string& file) { return parse_safetensors(as_bytes(file)); }

::testing::AssertionResult refuses(const std::string& file, const std::string& part) {
  const auto whole = throws_error([&] { parsed(file); }, part);
  if (!whole) return whole;
  return throws_error([&] { parse_safetensors_header(as_bytes(file)); }, part);
}

bool same(const Tensor& a, const Tensor& b) {
  return a.shape() == b.shape() && a.dtype() == b.dtype() &&
         std::memcmp(a.raw(), b.raw(), a.bytes()) == 0;
}

std::vector<NamedTensor> sample_tensors() {
  Rng rng(1, RngPurpose::test);
  std::vector<NamedTensor> tensors;
  for (DType dtype : {DType::u8, DType::f32, DType::i64, DType::f64, DType::i32}) {
    for (const Shape& shape : {Shape{}, Shape{7}, Shape{0}, Shape{3, 5}, Shape{2, 0, 4},
                               Shape{2, 3, 4}, Shape{1, 2, 3, 4}, Shape{2, 1, 3, 2, 5}}) {
      tensors.emplace_back(std::string(name_of(dtype)) + "." + shape.to_string(),
                           random_bits(shape, dtype, rng));
    }
  }
  return tensors;
}

void expect_same(const SafetensorsFile& file, const std::vector<NamedTensor>& tensors) {
  ASSERT_EQ(file.tensors.size(), tensors.size());
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    EXPECT_EQ(file.tensors[i].first, tensors[i].first);
    EXPECT_TRUE(same(file.tensors[i].second, tensors[i].second)) << tensors[i].first;
  }
}

/// What save_safetensors writes.
std::string saved(const std::vector<NamedTensor>& tensors, const Metadata& metadata = {},
                  const SafetensorsOptions& options = {}) {
  const TemporaryFolder folder;
  save_safetensors(folder / "file", tensors, metadata, options);
  return content_of(folder / "file");
}

// Golden bytes, put together by hand.

TEST(SafetensorsGoldenTest, PlainFile) {
  const std::string golden = std::string("\x38\0\0\0\0\0\0\0", 8) +
                             R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}  )" +
                             std::string("\0\0\x80\x3F\0\0\0\xC0", 8);
  const Tensor tensor = Tensor::from(std::vector<float>{1.0F, -2.0F}, {2});
  EXPECT_EQ(saved({{"a", tensor}}, {}, {.checksum = false}), golden);
  expect_same(parsed(golden), {{"a", tensor}});
}

TEST(SafetensorsGoldenTest, FileWithChecksum) {
  // The CRC-32 of these bytes, with eight zeros in its place, is 4c7bc8b4.
  const std::string golden = std::string("\xA8\0\0\0\0\0\0\0", 8) +
                             R"({"__metadata__":{"checksum":"crc32:4c7bc8b4","writer":"lqnet"},)"
                             R"("b":{"dtype":"U8","shape":[3],"data_offsets":[4,7]},)"
                             R"("a":{"dtype":"I32","shape":[],"data_offsets":[0,4]}} )" +
                             std::string("\xFE\xFF\xFF\xFF\x01\x02\xFF", 7);
  const std::vector<NamedTensor> tensors = {
      {"b", Tensor::from(std::vector<std::uint8_t>{1, 2, 255}, {3})},
      {"a", Tensor::from(std::vector<std::int32_t>{-2}, {})}};
  EXPECT_EQ(saved(tensors), golden);
  expect_same(parsed(golden), tensors);
  EXPECT_TRUE(parsed(golden).metadata.empty());
}

TEST(SafetensorsTest, EverythingComesBack) {
  const TemporaryFolder folder;
  const auto tensors = sample_tensors();
  const Metadata metadata = {{"epoch", "12"}, {"", ""}, {"text", "line\n\"quoted\" \\ \xC3\xA9"}};
  for (bool checksum : {true, false}) {
    save_safetensors(folder / "file", tensors, metadata, {checksum});
    const SafetensorsFile file = load_safetensors(folder / "file");
    expect_same(file, tensors);
    EXPECT_EQ(file.metadata, metadata);
  }
  EXPECT_EQ(names_in(folder.path()), Names{"file"});
}

TEST(SafetensorsTest, FilesWithoutTensorsWork) {
  for (bool checksum : {true, false}) {
    const SafetensorsFile file = parsed(saved({}, {{"k", "v"}}, {checksum}));
    EXPECT_TRUE(file.tensors.empty());
    EXPECT_EQ(file.metadata, (Metadata{{"k", "v"}}));
    EXPECT_TRUE(parsed(saved({}, {}, {checksum})).metadata.empty());
  }
}

TEST(SafetensorsTest, FindLooksByName) {
  const SafetensorsFile file = parsed(saved(sample_tensors()));
  ASSERT_NE(file.find("f32.3x5"), nullptr);
  EXPECT_EQ(file.find("f32.3x5")->shape(), (Shape{3, 5}));
  EXPECT_EQ(file.find("f32.3x6"), nullptr);
}

TEST(SafetensorsTest, StrangeNamesComeBack) {
  std::vector<NamedTensor> tensors;
  for (const char* name : {"", "checksum", "a\"b", "a\\b", "a\nb", "\xE5\xB1\x82", "[0]",
                           R"("checksum":"crc32:00000000")", "writer", "a.b/c d"}) {
    tensors.emplace_back(name, Tensor::full({1}, 1.0F));
  }
  const Metadata metadata = {{"a\"checksum", "crc32:00000000"},
                             {"\"checksum", "crc32:11111111"},
                             {"zero", "\"checksum\":\"crc32:22222222"},
                             {"other", "checksum"}};
  const SafetensorsFile file = parsed(saved(tensors, metadata));
  expect_same(file, tensors);
  EXPECT_EQ(file.metadata, metadata);
}

TEST(SafetensorsTest, HeaderAloneTellsWhereTheDataIs) {
  const TemporaryFolder folder;
  const auto tensors = sample_tensors();
  save_safetensors(folder / "file", tensors, {{"k", "v"}});
  const SafetensorsHeader header = load_safetensors_header(folder / "file");
  const std::string content = content_of(folder / "file");
  EXPECT_EQ(header.metadata, (Metadata{{"k", "v"}}));
  EXPECT_EQ(header.data_start % 8, 0U);
  ASSERT_EQ(header.entries.size(), tensors.size());
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    const SafetensorsEntry& entry = header.entries[i];
    const Tensor& tensor = tensors[i].second;
    EXPECT_EQ(entry.name, tensors[i].first);
    EXPECT_EQ(entry.shape, tensor.shape());
    EXPECT_EQ(entry.dtype, tensor.dtype());
    EXPECT_EQ(entry.begin % size_of(entry.dtype), 0U) << "aligned";
    ASSERT_EQ(entry.end - entry.begin, tensor.bytes());
    EXPECT_EQ(
        std::memcmp(content.data() + header.data_start + entry.begin, tensor.raw(), tensor.bytes()),
        0);
  }
}

TEST(SafetensorsTest, HeaderAloneDoesNotLookAtTheData) {
  const TemporaryFolder folder;
  std::string content = saved(sample_tensors());
  content.back() ^= 1;
  write_content(folder / "file", content);
  EXPECT_EQ(load_safetensors_header(folder / "file").entries.size(), sample_tensors().size());
  EXPECT_TRUE(
      throws_error([&] { load_safetensors(folder / "file"); },
                   (folder / "file").string() + ": checksum does not match (file is corrupted)"));
}

TEST(SafetensorsTest, UnsavableContentIsRefusedBeforeAnythingIsWritten) {
  const TemporaryFolder folder;
  const std::string path = (folder / "file").string();
  write_content(path, "old");
  const Tensor tensor = Tensor::full({1}, 0.0F);
  const auto refuses_saving = [&](const std::vector<NamedTensor>& tensors, const Metadata& metadata,
                                  const std::string& part) {
    return throws_error([&] { save_safetensors(path, tensors, metadata); }, path + ": " + part);
  };
  EXPECT_TRUE(refuses_saving({{"a", Tensor()}}, {}, "tensor \"a\" was never given a value"));
  EXPECT_TRUE(refuses_saving({{"a", tensor}, {"b", tensor}, {"a", tensor}}, {},
                             "tensor \"a\" occurs twice"));
  EXPECT_TRUE(refuses_saving({{"__metadata__", tensor}}, {}, "tensor name __metadata__ is"));
  EXPECT_TRUE(refuses_saving({}, {{"checksum", "x"}}, "metadata key \"checksum\" is reserved"));
  EXPECT_TRUE(refuses_saving({}, {{"writer", "me"}}, "metadata key \"writer\" is reserved"));
  EXPECT_TRUE(refuses_saving({{"a\xFF", tensor}}, {}, "\"a\\xff\" is not UTF-8 text"));
  EXPECT_TRUE(refuses_saving({}, {{"k", "\xC3"}}, "\"\\xc3\" is not UTF-8 text"));
  EXPECT_EQ(content_of(path), "old");
  EXPECT_EQ(names_in(folder.path()), Names{"file"});
}

TEST(SafetensorsTest, FullDiskLeavesTheOldFile) {
  const TemporaryFolder folder;
  const std::vector<NamedTensor> old = {{"a", Tensor::full({4}, 1.0F)}};
  save_safetensors(folder / "file", old);
  {
    const FileSizeLimit limit(4096);
    EXPECT_TRUE(throws_error(
        [&] {
          save_safetensors(folder / "file",
                           std::vector<NamedTensor>{{"a", Tensor::full({5000}, 2.0F)}});
        },
        (folder / "file").string() + ": cannot write file.tmp: File too large"));
  }
  expect_same(load_safetensors(folder / "file"), old);
  EXPECT_EQ(names_in(folder.path()), Names{"file"});
}

TEST(SafetensorsTest, ErrorsNameTheFileOnce) {
  const TemporaryFolder folder;
  const std::string path = (folder / "file").string();
  EXPECT_TRUE(throws_error([&] { load_safetensors(path); }, path + ": cannot open: No such file"));
  write_content(path, "short");
  EXPECT_TRUE(throws_error([&] { load_safetensors(path); }, path + ": file has only 5 bytes"));
  try {
    save_safetensors(folder / "none/file", {});
    FAIL();
  } catch (const Error& error) {
    const std::string message = error.what();
    EXPECT_TRUE(message.starts_with((folder / "none/file").string() + ": cannot open the folder"));
    EXPECT_EQ(message.find("none/file", (folder / "none/file").string().size()), std::string::npos);
  }
}

// Files of other writers.

TEST(SafetensorsForeignTest, AnyWhitespaceOrderAndPaddingIsRead) {
  const std::string header = R"(
  { "b" : { "data_offsets" : [ 4 , 5 ] , "shape" : [ 1 ] , "dtype" : "U8" } ,
    "a" : { "dtype" : "F32" , "shape" : [ ] , "data_offsets" : [ 0 , 4 ] } ,
    "__metadata__" : { "format" : "pt", "writer" : "someone" } }    )";
  const SafetensorsFile file =
      parsed(file_of(header.substr(3), std::string("\0\0\x80\x3F\x07", 5)));
  ASSERT_EQ(file.tensors.size(), 2U);
  EXPECT_EQ(file.tensors[0].first, "b");
  EXPECT_EQ(file.find("b")->span<std::uint8_t>()[0], 7);
  EXPECT_EQ(file.find("a")->span<float>()[0], 1.0F);
  EXPECT_EQ(file.metadata, (Metadata{{"format", "pt"}, {"writer", "someone"}}));
}

TEST(SafetensorsForeignTest, ChecksumIsFoundInAnySpelling) {
  const std::string entry = R"("a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]})";
  for (const std::string metadata :
       {R"({"checksum":"crc32:00000000"})", R"({ "checksum" : "crc32:00000000" })",
        R"({"k":"checksum","checksum":	"crc32:00000000"})",
        R"({"k":"\"checksum\":\"crc32:00000000","checksum":"crc32:00000000"})",
        R"({"k\"checksum":"crc32:00000000","checksum":"crc32:00000000"})"}) {
    std::string file = file_of(R"({"__metadata__":)" + metadata + "," + entry + "}", "x");
    EXPECT_TRUE(throws_error([&] { parsed(file); }, "checksum does not match"));
    const std::string digits = fmt::format("{:08x}", [&] {
      std::uint32_t crc = ~0U;  // bit by bit, from the definition
      for (unsigned char byte : file) {
        crc ^= byte;
        for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ ((crc & 1) != 0 ? 0xEDB88320U : 0);
      }
      return ~crc;
    }());
    file.replace(file.rfind("crc32:") + 6, 8, digits);
    EXPECT_EQ(parsed(file).tensors.size(), 1U) << metadata;
  }
}

// Damage.

std::string small_file(bool checksum) {
  return saved({{"weight", Tensor::from(std::vector<float>{1.5F, -2.0F}, {2, 1})},
                {"codes", Tensor::from(std::vector<std::uint8_t>{0, 1, 2}, {3})},
                {"none", Tensor::zeros({0, 3})}},
               {{"epoch", "3"}}, {checksum});
}

template <typename Action>
void for_each_damaged_byte(const std::string& file, Action&& action) {
  for (std::size_t position = 0; position < file.size(); ++position) {
    for (int mask : {1, 2, 4, 8, 16, 32, 64, 128, 255}) {
      std::string damaged = file;
      damaged[position] = static_cast<char>(damaged[position] ^ mask);
      action(damaged, position, mask);
    }
  }
}

TEST(SafetensorsDamageTest, ChecksumSeesEveryDamagedByte) {
  for_each_damaged_byte(small_file(true), [](const std::string& damaged, std::size_t at, int mask) {
    EXPECT_THROW(parsed(damaged), Error) << "byte " << at << " xor " << mask;
  });
}

TEST(SafetensorsDamageTest, WithoutChecksumDamageNeverDoesMoreThanThrow) {
  for_each_damaged_byte(small_file(false), [](const std::string& damaged, std::size_t at, int) {
    try {
      std::size_t bytes = 0;
      for (const auto& [name, tensor] : parsed(damaged).tensors) bytes += tensor.bytes();
      EXPECT_EQ(bytes, 11U) << "byte " << at;
    } catch (const Error&) {
    }
  });
}

TEST(SafetensorsDamageTest, EveryOtherLengthIsRefused) {
  for (bool checksum : {true, false}) {
    const std::string file = small_file(checksum);
    for (std::size_t size = 0; size < file.size(); ++size) {
      EXPECT_THROW(parsed(file.substr(0, size)), Error) << size;
      EXPECT_THROW(parse_safetensors_header(as_bytes(file.substr(0, size))), Error) << size;
    }
    EXPECT_TRUE(refuses(file + '\0', "1 bytes follow the last tensor"));
  }
}

TEST(SafetensorsDamageTest, ChecksumEntryCannotGetLost) {
  const std::string file = small_file(true);
  const auto with = [&](const std::string& text, const std::string& replacement) {
    std::string changed = file;
    return changed.replace(changed.find(text), text.size(), replacement);
  };
  EXPECT_TRUE(throws_error([&] { parsed(with("checksum", "cherksum")); }, "checksum is missing"));
  EXPECT_TRUE(throws_error([&] { parsed(with("crc32:", "crc64:")); }, "is not of the form"));
  EXPECT_TRUE(throws_error([&] { parsed(with("\"lqnet\"", "\"lqnot\"")); }, "does not match"));
  EXPECT_TRUE(throws_error([&] { parsed(with("__metadata__", "__metadatb__")); },
                           "key \"checksum\" is not known"));
}

struct BadFile {
  const char* header;
  std::size_t data_bytes;
  const char* message;
};

TEST(SafetensorsDamageTest, BadHeadersAreNamed) {
  const BadFile cases[] = {
      {"", 0, "header does not start with '{'"},
      {"[]", 0, "header does not start with '{'"},
      {" {}", 0, "header does not start with '{'"},
      {"\xEF\xBB\xBF{}", 0, "header does not start with '{'"},
      {"{", 0, "not valid JSON"},
      {"{}x", 0, "not valid JSON"},
      {"{}{}", 0, "not valid JSON"},
      {R"({"a":})", 0, "not valid JSON"},
      {R"({"a)", 0, "not valid JSON"},
      {"{\"\xFF\":{}}", 0, "not valid JSON"},
      {R"({"a":1e999})", 0, "not valid JSON"},
      {R"({"a":1})", 0, "tensor \"a\": a number is not expected"},
      {R"({"a":null})", 0, "tensor \"a\": null is not expected"},
      {R"({"a":true})", 0, "tensor \"a\": true or false is not expected"},
      {R"({"a":"F32"})", 0, "tensor \"a\": a string is not expected"},
      {R"({"a":[]})", 0, "tensor \"a\": an array is not expected"},
      {R"({"a":{}})", 0, "dtype, shape or data_offsets is missing"},
      {R"({"a":{"dtype":"F32","shape":[1]}})", 0, "dtype, shape or data_offsets is missing"},
      {R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"x":1}})", 4,
       "key \"x\" is not known"},
      {R"({"a":{"dtype":"F32","dtype":"F32"}})", 0, "dtype occurs twice"},
      {R"({"a":{"dtype":"BF16"}})", 0, "dtype \"BF16\" is not supported, expected F32, F64, I32"},
      {R"({"a":{"dtype":"f32"}})", 0, "dtype \"f32\" is not supported"},
      {R"({"a":{"dtype":5}})", 0, "a number is not expected"},
      {R"({"a":{"dtype":["F32"]}})", 0, "an array is not expected"},
      {R"({"a":{"dtype":{}}})", 0, "an object is not expected"},
      {R"({"a":{"shape":5}})", 0, "a number is not expected"},
      {R"({"a":{"shape":"5"}})", 0, "a string is not expected"},
      {R"({"a":{"shape":[[1]]}})", 0, "an array is not expected"},
      {R"({"a":{"shape":[{}]}})", 0, "an object is not expected"},
      {R"({"a":{"shape":["1"]}})", 0, "a string is not expected"},
      {R"({"a":{"shape":[-1]}})", 0, "a negative number is not expected"},
      {R"({"a":{"shape":[1.0]}})", 0, "a number that is not a 64-bit integer"},
      {R"({"a":{"shape":[18446744073709551616]}})", 0, "a number that is not a 64-bit integer"},
      {R"({"a":{"shape":[1,1,1,1,1,1]}})", 0, "more than 5 dimensions"},
      {R"({"a":{"dtype":"U8","shape":[9223372036854775808],"data_offsets":[0,0]}})", 0,
       "dimension 0 is too large"},
      {R"({"a":{"dtype":"U8","shape":[4294967296,4294967296],"data_offsets":[0,0]}})", 0,
       "does not fit in 64 bits"},
      {R"({"a":{"dtype":"F64","shape":[2305843009213693952],"data_offsets":[0,0]}})", 0,
       "do not fit 2305843009213693952 elements of F64"},
      {R"({"a":{"dtype":"F32","shape":[1099511627776],"data_offsets":[0,4398046511104]}})", 8,
       "ends at byte 4398046511104 of the data, but the file has only 8"},
      {R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0]}})", 1, "1 data_offsets, expected 2"},
      {R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1,2]}})", 1, "more than 2 data_offsets"},
      {R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[1,0]}})", 1,
       "data_offsets [1, 0] do not fit"},
      {R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,2]}})", 2,
       "do not fit 1 elements of U8"},
      {R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,5]}})", 5, "do not fit 1 elements"},
      {R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[18446744073709551615,0]}})", 1,
       "do not fit"},
      {R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[18446744073709551614,18446744073709551615]}})",
       1, "starts at byte 18446744073709551614 of the data, expected 0"},
      {R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}})", 2,
       "starts at byte 1 of the data, expected 0"},
      {R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}})",
       3, "tensor \"b\" starts at byte 1 of the data, expected 2"},
      {R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}})",
       2, "starts at byte 0 of the data, expected 2"},
      {R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[1],"data_offsets":[3,4]}})",
       4, "tensor \"b\" starts at byte 3 of the data, expected 2"},
      {R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}})", 3,
       "1 bytes follow the last tensor"},
      {R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}})",
       2, "tensor \"a\" occurs twice"},
      {R"({"__metadata__":[]})", 0, "an array is not expected"},
      {R"({"__metadata__":{"k":1}})", 0, "metadata \"k\" is a number, expected a string"},
      {R"({"__metadata__":{"k":{}}})", 0, "metadata \"k\" is an object, expected a string"},
      {R"({"__metadata__":{"k":"1","k":"2"}})", 0, "metadata key \"k\" occurs twice"},
      {R"({"__metadata__":{},"__metadata__":{}})", 0, "__metadata__ occurs twice"},
      {R"({"__metadata__":{"checksum":"md5:1"}})", 0, "is not of the form crc32:<8 hex digits>"},
      {R"({"__metadata__":{"checksum":"crc32:ABCDEF01"}})", 0, "is not of the form"},
      {R"({"__metadata__":{"checksum":"crc32:0000000"}})", 0, "is not of the form"},
      {R"({"__metadata__":{"checksum":"crc32:000000000"}})", 0, "is not of the form"},
      {R"({"__metadata__":{"\u0063hecksum":"crc32:00000000"}})", 0, "is not of the form"},
      {R"({"__metadata__":{"writer":"lqnet"}})", 0, "checksum is missing"},
  };
  for (const BadFile& bad : cases) {
    EXPECT_TRUE(refuses(file_of(bad.header, std::string(bad.data_bytes, '\1')), bad.message))
        << bad.header;
  }
  EXPECT_TRUE(refuses(file_of(std::string("{}\0 {", 5), ""), "header has a zero byte"));
}

TEST(SafetensorsDamageTest, HugeClaimsCostNothing) {
  const auto with_length = [](std::uint64_t length) {
    const auto bytes = std::bit_cast<std::array<char, 8>>(length);
    return std::string(bytes.data(), bytes.size()) + "{}";
  };
  EXPECT_TRUE(refuses(with_length(3), "header length is 3, but the file has only 10 bytes"));
  EXPECT_TRUE(refuses(with_length(100'000'000), "header length is 100000000, but the file has"));
  EXPECT_TRUE(refuses(with_length(100'000'001), "at most 100000000 is possible"));
  EXPECT_TRUE(refuses(with_length(~0ULL), "header length is 18446744073709551615, at most"));
}

TEST(SafetensorsDamageTest, DeepNestingIsRefusedAtTheFirstLevel) {
  const std::size_t depth = 1'000'000;
  std::string objects;
  for (std::size_t i = 0; i < depth; ++i) objects += R"({"a":)";
  EXPECT_TRUE(refuses(file_of(objects, ""), "key \"a\" is not known"));
  EXPECT_TRUE(
      refuses(file_of(R"({"a":)" + std::string(depth, '['), ""), "an array is not expected"));
  EXPECT_TRUE(refuses(file_of(R"({"a":{"shape":)" + std::string(depth, '['), ""),
                      "an array is not expected"));
}

TEST(SafetensorsDamageTest, NamesAreShownOnOneShortLine) {
  const std::string name(5000, 'n');
  EXPECT_TRUE(refuses(file_of("{\"a\\nb\":1}", ""), "tensor \"a\\nb\": a number"));
  try {
    parsed(file_of("{\"" + name + "\":1}", ""));
    FAIL();
  } catch (const Error& error) {
    EXPECT_LT(std::strlen(error.what()), 200U);
  }
}

}  // namespace
}  // namespace lq::testing
