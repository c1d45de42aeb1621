// docs/cli.md against the program.

#include <gtest/gtest.h>

#include <fstream>
#include <set>

#include "tests/apps/process.h"
#include "tests/apps/tiny_recipe.h"

namespace lq::testing {
namespace {

void collect_keys(const nlohmann::json& value, std::set<std::string>& keys) {
  for (const auto& [key, inner] : value.items()) {
    if (value.is_object()) keys.insert(key);
    if (inner.is_structured()) collect_keys(inner, keys);
  }
}

TEST(CliPageTest, ExplainsEveryKeyOfTheJson) {
  const TemporaryFolder folder;
  write_recipe(folder / "tiny.json", tiny_recipe());
  std::ofstream(folder / "picture.pgm") << "P5 2 2 255\nabcd";
  std::set<std::string> keys;
  for (const std::vector<std::string>& arguments : std::vector<std::vector<std::string>>{
           {"train", "--recipe", "tiny.json", "--max-steps", "1", "--out", "run", "--json"},
           {"eval", "--checkpoint", "run", "--json"},
           {"info", "--checkpoint", "run", "--json"},
           {"stats", "--checkpoint", "run", "--json"},
           {"pack", "--checkpoint", "run", "--out", "network.lqn", "--verify", "--json"},
           {"infer", "--network", "network.lqn", "picture.pgm", "--json"},
           {"bench", "network", "--network", "network.lqn", "--rounds", "1", "--json"},
           {"bench", "train", "--model", "small-cnn", "--input", "8x8x3", "--batch", "4", "--steps",
            "1", "--json"},
           {"bench", "conv", "--shape", "16,16,4,4,3,1", "--bits", "1/1", "--rounds", "1",
            "--json"},
           {"recipes", "--json"}}) {
    const ProcessResult result = run_lqnet(arguments, {.folder = folder.path()});
    ASSERT_EQ(result.exit_code, 0) << result.err;
    collect_keys(result.json(), keys);
  }
  const std::string page = content_of(LQNET_CLI_PAGE);
  std::erase_if(keys, [&](const std::string& key) {
    return page.find("`" + key + "`") != std::string::npos;
  });
  EXPECT_EQ(keys, std::set<std::string>());
}

}  // namespace
}  // namespace lq::testing
