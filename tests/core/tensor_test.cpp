#include "core/tensor.h"

#include <gtest/gtest.h>

#include <numeric>
#include <vector>

#include "tests/support/errors.h"

namespace lq::testing {
namespace {

Tensor counting(const Shape& shape) {
  std::vector<float> values(shape.elements());
  std::iota(values.begin(), values.end(), 0.0F);
  return Tensor::from(values, shape);
}

template <typename T>
std::vector<T> values_of(const Tensor& tensor) {
  const auto span = tensor.span<T>();
  return {span.begin(), span.end()};
}

TEST(TensorTest, UndefinedUntilGivenAValue) {
  Tensor tensor;
  EXPECT_FALSE(tensor.defined());
  EXPECT_TRUE(throws_error([&] { tensor.raw(); }, "before it was given a value"));
  tensor = Tensor(Shape{2});
  EXPECT_TRUE(tensor.defined());
}

TEST(TensorTest, MakersFillAllElements) {
  EXPECT_EQ(values_of<float>(Tensor::zeros({2, 3})), std::vector<float>(6, 0.0F));
  EXPECT_EQ(values_of<std::int64_t>(Tensor::zeros({3}, DType::i64)),
            std::vector<std::int64_t>(3, 0));
  EXPECT_EQ(values_of<float>(Tensor::full({2, 2}, 1.5F)), std::vector<float>(4, 1.5F));
  const Tensor codes = Tensor::from(std::vector<std::uint8_t>{1, 2, 255}, {3});
  EXPECT_EQ(codes.dtype(), DType::u8);
  EXPECT_EQ(codes.bytes(), 3U);
  EXPECT_EQ(values_of<std::uint8_t>(codes), (std::vector<std::uint8_t>{1, 2, 255}));
}

TEST(TensorTest, ScalarAndEmptyTensorsWork) {
  EXPECT_EQ(Tensor::full({}, 3.0F).span<float>()[0], 3.0F);
  const Tensor empty = Tensor::zeros({0, 4});
  EXPECT_TRUE(empty.defined());
  EXPECT_EQ(empty.bytes(), 0U);
  EXPECT_TRUE(empty.clone().span<float>().empty());
  EXPECT_TRUE(Tensor::from(std::vector<float>{}, {0}).span<float>().empty());
}

TEST(TensorTest, StorageIsAlignedForSimd) {
  for (std::int64_t extent : {1, 3, 64, 1000, 100000}) {
    const Tensor tensor(Shape{extent}, DType::u8);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(tensor.raw()) % 64, 0U) << extent;
  }
}

TEST(TensorTest, CopiesOfTheHandleShareElementsAndClonesDoNot) {
  Tensor tensor = counting({4});
  EXPECT_FALSE(tensor.is_shared());
  const Tensor handle = tensor;
  const Tensor clone = tensor.clone();
  EXPECT_TRUE(tensor.is_shared());
  EXPECT_FALSE(clone.is_shared());
  tensor.span<float>()[2] = 7.0F;
  EXPECT_EQ(handle.span<float>()[2], 7.0F);
  EXPECT_EQ(clone.span<float>()[2], 2.0F);
}

TEST(TensorTest, ReshapeSharesElements) {
  Tensor tensor = counting({2, 6});
  Tensor reshaped = tensor.reshape({3, 4});
  EXPECT_EQ(reshaped.shape(), (Shape{3, 4}));
  reshaped.span<float>()[11] = -1.0F;
  EXPECT_EQ(tensor.span<float>()[11], -1.0F);
  EXPECT_TRUE(throws_error([&] { tensor.reshape({5}); }, "2x6 has 12 elements, 5 has 5"));
}

TEST(TensorTest, SlicesAreRowsOfTheSameStorage) {
  Tensor tensor = counting({5, 2, 3});
  Tensor rows = tensor.slice(1, 4);
  EXPECT_EQ(rows.shape(), (Shape{3, 2, 3}));
  EXPECT_EQ(rows.span<float>()[0], 6.0F);
  Tensor inner = rows.slice(2, 3);
  EXPECT_EQ(values_of<float>(inner), (std::vector<float>{18, 19, 20, 21, 22, 23}));
  inner.fill_zero();
  EXPECT_EQ(tensor.span<float>()[17], 17.0F);
  EXPECT_EQ(tensor.span<float>()[18], 0.0F);
  EXPECT_EQ(tensor.span<float>()[23], 0.0F);
  EXPECT_EQ(tensor.span<float>()[24], 24.0F);
  EXPECT_EQ(tensor.slice(5, 5).elements(), 0);
}

TEST(TensorTest, SlicesOutsideAreRefused) {
  const Tensor tensor = counting({3, 2});
  EXPECT_TRUE(throws_error([&] { tensor.slice(0, 4); }, "rows [0, 4) of 3x2"));
  EXPECT_TRUE(throws_error([&] { tensor.slice(-1, 2); }, "rows [-1, 2)"));
  EXPECT_TRUE(throws_error([&] { tensor.slice(2, 1); }, "rows [2, 1)"));
  EXPECT_TRUE(throws_error([&] { Tensor(Shape{}).slice(0, 0); }, "scalar"));
}

TEST(TensorTest, CopyFromNeedsTheSameShapeAndDtype) {
  Tensor tensor = Tensor::zeros({2, 2});
  tensor.copy_from(counting({2, 2}));
  EXPECT_EQ(values_of<float>(tensor), (std::vector<float>{0, 1, 2, 3}));
  EXPECT_TRUE(throws_error([&] { tensor.copy_from(counting({4})); }, "4 f32 does not fit 2x2 f32"));
  EXPECT_TRUE(throws_error(
      [&] {
        tensor.copy_from(Tensor::zeros({2, 2}, DType::i32));
      },
      "2x2 i32 does not fit 2x2 f32"));
}

TEST(TensorTest, OverlappingSlicesCopyAsIfThroughATemporary) {
  Tensor tensor = counting({6});
  tensor.slice(1, 6).copy_from(tensor.slice(0, 5));
  EXPECT_EQ(values_of<float>(tensor), (std::vector<float>{0, 0, 1, 2, 3, 4}));
}

TEST(TensorTest, ElementsAreOnlySeenAsWhatTheyAre) {
  Tensor tensor = counting({2});
  EXPECT_TRUE(throws_error([&] { tensor.data<double>(); }, "elements are f32, asked for as f64"));
  EXPECT_TRUE(throws_error([&] { tensor.view<std::int32_t>(); }, "asked for as i32"));
  EXPECT_EQ(tensor.view<float>()[1], 1.0F);
  EXPECT_EQ(tensor.view<float>().shape, (Shape{2}));
}

TEST(TensorTest, NumberOfValuesMustFitTheShape) {
  EXPECT_TRUE(throws_error(
      [] {
        Tensor::from(std::vector<float>{1, 2, 3}, {2});
      },
      "12 bytes given for 2 elements of f32"));
}

TEST(TensorTest, SizesBeyondTheAddressSpaceAreRefused) {
  // 2^61 + 1 elements of 8 bytes would wrap around to 8 bytes.
  const Shape huge = {(1LL << 61) + 1};
  EXPECT_TRUE(throws_error([&] { Tensor(huge, DType::f64); }, "more than can be addressed"));
}

TEST(TensorTest, MissingDevicesAreRefusedInOneLine) {
  const Device cuda = {DeviceType::cuda, 1};
  EXPECT_TRUE(throws_error([&] { Tensor(Shape{1}, DType::f32, cuda); }, "cuda:1"));
  const Tensor tensor = counting({3});
  EXPECT_EQ(tensor.to(Device{}).raw(), tensor.raw());
}

}  // namespace
}  // namespace lq::testing
