#include "core/io/diagnostics.h"

#include <gtest/gtest.h>

#include <memory>

#include "tests/support/files.h"
#include "tests/support/temporary_folder.h"

namespace lq::testing {
namespace {

using Stream = std::unique_ptr<std::FILE, decltype(&std::fclose)>;

TEST(DiagnosticsTest, ArriveAtOnce) {
  const TemporaryFolder folder;
  const Stream stream(std::fopen((folder / "text").c_str(), "w"), &std::fclose);
  write_diagnostic(stream.get(), "one\n");
  EXPECT_EQ(content_of(folder / "text"), "one\n");
}

TEST(DiagnosticsTest, FailuresAreIgnored) {
  if (!std::filesystem::exists("/dev/full")) GTEST_SKIP() << "no /dev/full here";
  const Stream full(std::fopen("/dev/full", "w"), &std::fclose);
  for (int i = 0; i < 2; ++i) write_diagnostic(full.get(), "one\n");
  EXPECT_NE(std::ferror(full.get()), 0);
}

}  // namespace
}  // namespace lq::testing
