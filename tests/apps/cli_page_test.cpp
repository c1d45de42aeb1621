// docs/cli.md against the program.

#include <gtest/gtest.h>

#include <fstream>
#include <set>
#include <sstream>

#include "data/synthetic_photographs.h"
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

/// Whether the page's line that ends with `end` names the command.
bool is_named(const std::string& page, const std::string& end, const std::string& command) {
  std::istringstream lines(page);
  for (std::string line; std::getline(lines, line);) {
    if (line.ends_with(end)) return line.find("`" + command + "`") != std::string::npos;
  }
  ADD_FAILURE() << "no line ends with " << end;
  return false;
}

TEST(CliPageTest, ExplainsTheJsonOfEveryCommand) {
  const TemporaryFolder folder;
  write_recipe(folder / "tiny.json", tiny_recipe());
  std::ofstream(folder / "picture.pgm") << "P5 2 2 255\nabcd";
  write_photographs(folder / "images",
                    {.classes = 2, .train_images = 1, .height = 30, .width = 40});
  const std::string page = content_of(LQNET_CLI_PAGE);
  std::set<std::string> keys;
  for (const std::vector<std::string>& arguments : std::vector<std::vector<std::string>>{
           {"train", "--recipe", "tiny.json", "--max-steps", "1", "--out", "run", "--json"},
           {"eval", "--checkpoint", "run", "--json"},
           {"info", "--checkpoint", "run", "--json"},
           {"stats", "--checkpoint", "run", "--json"},
           {"pack", "--checkpoint", "run", "--out", "network.lqn", "--verify", "--json"},
           {"infer", "--network", "network.lqn", "picture.pgm", "--json"},
           {"bench", "network", "--network", "network.lqn", "--rounds", "1", "--layers", "--json"},
           {"bench", "train", "--model", "small-cnn", "--input", "8x8x3", "--batch", "4", "--steps",
            "1", "--json"},
           {"bench", "conv", "--shape", "16,16,4,4,3,1", "--bits", "1/1", "--rounds", "1",
            "--json"},
           {"bench", "gpu-model", "--shape", "16,16,4,4,3,1", "--json"},
           {"bench", "data", "--data", "images", "--images", "2", "--rounds", "1", "--json"},
           {"shard", "--data", "images", "--out", "shards", "--json"},
           {"generate-images", "--out", "made-up", "--classes", "1", "--images", "1",
            "--val-images", "1", "--json"},
           {"recipes", "--json"}}) {
    const ProcessResult result = run_lqnet(arguments, {.folder = folder.path()});
    ASSERT_EQ(result.exit_code, 0) << result.err;
    const nlohmann::json report = result.json();
    collect_keys(report, keys);
    const std::string& first = arguments.front();
    const std::string command = first == "bench" ? first + " " + arguments[1] : first;
    EXPECT_EQ(report.is_array(), is_named(page, " are arrays.", command)) << command;
    EXPECT_EQ(report.contains("quantizer"), is_named(page, " describe the network:", command))
        << command;
  }
  std::erase_if(keys, [&](const std::string& key) {
    return page.find("`" + key + "`") != std::string::npos;
  });
  EXPECT_EQ(keys, std::set<std::string>());
}

}  // namespace
}  // namespace lq::testing
