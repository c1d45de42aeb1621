#include "apps/option_spec.h"

#include <gtest/gtest.h>

#include <sstream>

namespace lq::testing {
namespace {

/// What is wrong with `value`, and what the option takes it for.
struct Checked {
  std::string error;
  std::string value;
};

Checked check_value(const CLI::Validator& validator, std::string value) {
  std::string error = validator(value);
  return {std::move(error), std::move(value)};
}

TEST(OptionSpecTest, WholeNumbersAreDecimalDigits) {
  const CLI::Validator validator = apps::whole_number(1, 100);
  for (const char* good : {"1", "42", "100"}) EXPECT_EQ(check_value(validator, good).error, "");
  EXPECT_EQ(check_value(validator, "010").value, "10");
  for (const char* bad : {"0", "101", "-1", "+1", "", " 1", "1 ", "1.0", "1e1", "0x1", "ten"}) {
    EXPECT_EQ(check_value(validator, bad).error,
              std::string(bad) + " given, expected a whole number from 1 to 100");
  }
}

TEST(OptionSpecTest, NumbersAreFiniteAndInRange) {
  for (const char* good : {"0.1", "1e-3", "5"}) {
    EXPECT_EQ(check_value(apps::positive_number(), good).error, "");
  }
  for (const char* bad : {"0", "-0.1", "inf", "nan", "", "0.1x", "1e999"}) {
    EXPECT_EQ(check_value(apps::positive_number(), bad).error,
              std::string(bad) + " given, expected a number above 0");
  }
  EXPECT_EQ(check_value(apps::non_negative_number(), "0").error, "");
  EXPECT_EQ(check_value(apps::non_negative_number(), "-1e-9").error,
            "-1e-9 given, expected a number of at least 0");
}

TEST(OptionSpecTest, UnknownNamesComeWithASuggestion) {
  const CLI::Validator validator = apps::known_name({"resnet20", "vgg-small"});
  EXPECT_EQ(check_value(validator, "vgg-small").error, "");
  EXPECT_EQ(check_value(validator, "vgg-smal").error,
            "'vgg-smal' is not known, expected one of: resnet20, vgg-small; did you mean "
            "vgg-small?");
  EXPECT_EQ(check_value(validator, "alexnet").error,
            "'alexnet' is not known, expected one of: resnet20, vgg-small");
}

TEST(OptionSpecTest, ListsOfNamesAreBrokenIntoLines) {
  EXPECT_EQ(apps::list_names("Network", {"a", "b"}), "Network: a, b");
  const std::vector<std::string> names(20, "resnet20");
  std::istringstream text(apps::list_names("Network", names));
  std::size_t letters = 0;
  for (std::string line; std::getline(text, line);) {
    EXPECT_LE(line.size(), 70U);
    letters += static_cast<std::size_t>(std::ranges::count(line, 'r'));
  }
  EXPECT_EQ(letters, names.size() + 1);
}

TEST(OptionSpecTest, RefusalsNameTheOption) {
  int value = 0;
  CLI::App app;
  apps::add_option(app, {"--batch", "N", "Images", apps::whole_number(1)}, value);
  app.parse("--batch 7");
  EXPECT_EQ(value, 7);
  try {
    app.parse("--batch 0");
    FAIL() << "0 was taken";
  } catch (const CLI::ValidationError& error) {
    EXPECT_TRUE(std::string_view(error.what()).starts_with("--batch: 0 given")) << error.what();
  }
  try {
    apps::as_usage_error("--input", [] { fail("too small"); });
    FAIL() << "nothing was thrown";
  } catch (const CLI::ValidationError& error) {
    EXPECT_STREQ(error.what(), "--input: too small");
  }
}

}  // namespace
}  // namespace lq::testing
