#include "core/io/npy.h"

#include <gtest/gtest.h>

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

/// A file of version `major`.0 with this header text, not padded.
std::string npy(const std::string& header, const std::string& data, char major = 1) {
  std::string file = std::string("\x93NUMPY") + major + '\0';
  file += static_cast<char>(header.size() & 0xFF);
  file += static_cast<char>(header.size() >> 8);
  if (major == 2) file += std::string(2, '\0');
  return file + header + data;
}

std::string header(const std::string& descr, const std::string& shape) {
  return "{'descr': '" + descr + "', 'fortran_order': False, 'shape': " + shape + ", }\n";
}

Tensor parsed(const std::string& file) { return parse_npy(as_bytes(file)); }

::testing::AssertionResult refuses(const std::string& file, const std::string& part) {
  return throws_error([&] { parsed(file); }, part);
}

// What numpy.save writes for numpy.array([[1, -2, 3]], dtype='<i4').
const std::string golden = [] {
  std::string file("\x93NUMPY\x01\0\x76\0", 10);
  file += "{'descr': '<i4', 'fortran_order': False, 'shape': (1, 3), }";
  file.resize(127, ' ');
  file += '\n';
  return file + std::string("\x01\0\0\0\xFE\xFF\xFF\xFF\x03\0\0\0", 12);
}();

TEST(NpyTest, GoldenFileIsReadAndWritten) {
  const Tensor tensor = parsed(golden);
  EXPECT_EQ(tensor.shape(), (Shape{1, 3}));
  ASSERT_EQ(tensor.dtype(), DType::i32);
  EXPECT_EQ(tensor.span<std::int32_t>()[0], 1);
  EXPECT_EQ(tensor.span<std::int32_t>()[1], -2);
  EXPECT_EQ(tensor.span<std::int32_t>()[2], 3);
  const TemporaryFolder folder;
  save_npy(folder / "golden.npy", tensor);
  EXPECT_EQ(content_of(folder / "golden.npy"), golden);
}

TEST(NpyTest, AllDtypesAndRanksComeBack) {
  const std::pair<DType, Shape> cases[] = {
      {DType::f32, {}},     {DType::f64, {7}},          {DType::i32, {3, 5}},
      {DType::i64, {0}},    {DType::u8, {2, 0, 4}},     {DType::u8, {2, 3, 4}},
      {DType::i64, {2, 3}}, {DType::f32, {1, 2, 3, 4}}, {DType::f64, {2, 1, 3, 2, 5}}};
  const TemporaryFolder folder;
  Rng rng(1, RngPurpose::test);
  for (const auto& [dtype, shape] : cases) {
    const Tensor tensor = random_bits(shape, dtype, rng);
    save_npy(folder / "file.npy", tensor);
    const Tensor loaded = load_npy(folder / "file.npy");
    EXPECT_EQ(loaded.shape(), shape);
    ASSERT_EQ(loaded.dtype(), dtype);
    EXPECT_EQ(std::memcmp(loaded.raw(), tensor.raw(), tensor.bytes()), 0) << shape.to_string();
    const std::string file = content_of(folder / "file.npy");
    EXPECT_EQ((file.size() - tensor.bytes()) % 64, 0U) << "data is aligned";
  }
}

TEST(NpyTest, OtherSpellingsOfTheHeaderAreRead) {
  const std::string data(12, '\0');
  for (const char* text : {
           "{'descr': '<i4', 'fortran_order': False, 'shape': (3,), }",
           "{'shape': (3,), 'fortran_order': False, 'descr': '<i4'}",
           "{\"descr\":\"<i4\",\"fortran_order\":False,\"shape\":(3,)}",
           "  { 'descr' : '<i4' , 'fortran_order' : False , 'shape' : ( 3 , ) , }  \n",
       }) {
    EXPECT_EQ(parsed(npy(text, data)).shape(), (Shape{3})) << text;
    EXPECT_EQ(parsed(npy(text, data, 2)).shape(), (Shape{3})) << text;
  }
}

TEST(NpyTest, OtherArraysAreRefused) {
  const std::string data(64, '\0');
  for (const char* descr : {">f4", "<f2", "|b1", "<u4", "|i1", "|O", "<U3", "=f4", ""}) {
    EXPECT_TRUE(refuses(npy(header(descr, "(1,)"), data), "expected <f4, <f8, <i4, <i8 or |u1"));
  }
  EXPECT_TRUE(refuses(npy(header("<f4", "(1, 1, 1, 1, 1, 1)"), data), "more than 5 dimensions"));
  EXPECT_TRUE(refuses(npy("{'descr': '<f4', 'fortran_order': True, 'shape': (4, 4), }", data),
                      "array is in Fortran order, expected C order"));
  EXPECT_TRUE(refuses(npy(header("<f4", "(16,)"), data, 3), "version 3.0 is not supported"));
  EXPECT_TRUE(refuses("PK\3\4 a zip archive", "is not a .npy file"));
}

TEST(NpyTest, MalformedHeadersAreRefused) {
  const std::string data(12, '\0');
  const auto refuses_header = [&](const std::string& text, const std::string& part) {
    return refuses(npy(text, data), part);
  };
  EXPECT_TRUE(refuses_header("", "'{' is missing"));
  EXPECT_TRUE(refuses_header("{}", "lacks descr, fortran_order or shape"));
  EXPECT_TRUE(refuses_header("{'descr': '<f4', 'shape': (3,)}", "lacks descr"));
  EXPECT_TRUE(
      refuses_header("{'descr': '<f4', 'descr': '<f4'}", "\"descr\" is not known or occurs"));
  EXPECT_TRUE(refuses_header("{'color': 'red'}", "\"color\" is not known"));
  EXPECT_TRUE(refuses_header("{'descr': '<f4", "a string has no end"));
  EXPECT_TRUE(refuses_header("{'descr' '<f4'}", "':' is missing"));
  EXPECT_TRUE(refuses_header("{'fortran_order': None}", "neither True nor False"));
  EXPECT_TRUE(refuses_header(header("<f4", "(3,)") + "x", "text after its dictionary"));
  EXPECT_TRUE(refuses_header(header("<f4", "[3]"), "'(' is missing"));
  EXPECT_TRUE(refuses_header("{'shape': (3 4)}", "')' is missing"));
  for (const char* shape : {"(-3,)", "(x,)", "(3.5,)", "(99999999999999999999,)", "(,)"}) {
    EXPECT_THROW(parsed(npy(header("<f4", shape), data)), Error) << shape;
  }
  EXPECT_TRUE(refuses_header(header("<f4", "(4611686018427387904, 4)"), "does not fit in 64 bits"));
  // 2^62 elements of 4 bytes would wrap around to no bytes at all.
  EXPECT_TRUE(refuses(npy(header("<f4", "(4611686018427387904,)"), ""), "0 bytes of data"));
}

TEST(NpyTest, EveryOtherSizeOfTheFileIsRefused) {
  for (std::size_t size = 0; size < golden.size(); ++size) {
    EXPECT_THROW(parsed(golden.substr(0, size)), Error) << size;
  }
  EXPECT_TRUE(refuses(golden + "x", "13 bytes of data, expected 1x3 x i32"));
  EXPECT_TRUE(refuses(golden.substr(0, golden.size() - 4), "8 bytes of data, expected 1x3 x i32"));
}

TEST(NpyTest, DamagedBytesNeverDoMoreThanThrow) {
  for (std::size_t bit = 0; bit < golden.size() * 8; ++bit) {
    std::string damaged = golden;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ 1 << bit % 8);
    try {
      EXPECT_EQ(parsed(damaged).bytes(), 12U) << bit;
    } catch (const Error&) {
    }
  }
}

TEST(NpyTest, ErrorsNameTheFileAndUndefinedTensorsAreRefused) {
  const TemporaryFolder folder;
  const std::string path = (folder / "file.npy").string();
  write_content(path, "nothing");
  EXPECT_TRUE(throws_error([&] { load_npy(path); }, path + ": is not a .npy file"));
  EXPECT_TRUE(throws_error([&] { load_npy(path + "x"); }, path + "x: cannot open"));
  EXPECT_TRUE(throws_error([&] { save_npy(path, Tensor()); }, "before it was given a value"));
  EXPECT_EQ(content_of(path), "nothing");
}

}  // namespace
}  // namespace lq::testing
