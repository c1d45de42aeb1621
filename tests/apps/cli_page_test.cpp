// docs/cli.md against the program.

#include <gtest/gtest.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <regex>
#include <set>
#include <sstream>

#include "data/synthetic_photographs.h"
#include "tests/apps/process.h"
#include "tests/apps/tiny_recipe.h"
#include "tests/support/backends.h"

namespace lq::testing {
namespace {

using Keys = std::set<std::string>;

struct Call {
  std::vector<std::string> arguments;
  int exit_code = 0;
};

void collect_keys(const nlohmann::json& value, Keys& keys) {
  for (const auto& [key, inner] : value.items()) {
    if (value.is_object()) keys.insert(key);
    if (inner.is_structured()) collect_keys(inner, keys);
  }
}

/// `bench train` or `train`.
std::string command_of(const Call& call) {
  const std::string& first = call.arguments.front();
  return first == "bench" ? first + " " + call.arguments[1] : first;
}

bool is_named(const std::string& text, const std::string& command) {
  return text.find("`" + command + "`") != std::string::npos;
}

/// From behind a line to the next one that begins with `end`.
std::string text_between(const std::string& text, const std::string& line, const std::string& end) {
  const std::size_t begin = text.find("\n" + line + "\n");
  if (begin == std::string::npos) {
    ADD_FAILURE() << "there is no line " << line;
    return "";
  }
  const std::size_t behind = begin + line.size() + 2;
  return text.substr(behind, text.find("\n" + end, behind) - behind);
}

/// Keys are words in backticks; values have quotation marks too, and options and sums other signs.
Keys keys_in(const std::string& text) {
  static const std::regex word("`([a-z][a-z0-9_]*)`");
  Keys keys;
  for (std::sregex_iterator match(text.begin(), text.end(), word); match != std::sregex_iterator();
       ++match) {
    keys.insert((*match)[1]);
  }
  return keys;
}

Keys difference(const Keys& from, const Keys& other) {
  Keys left;
  std::ranges::set_difference(from, other, std::inserter(left, left.end()));
  return left;
}

/// The part of the page about JSON.
class JsonPage {
 public:
  JsonPage()
      : page_(content_of(LQNET_CLI_PAGE)),
        json_(text_between(page_, "## JSON", "## ")),
        introduction_(json_.substr(0, json_.find("\n### "))) {}

  /// The section of a command, and the tables of the introduction whose first sentence names it.
  Keys keys_of(const std::string& command) const {
    Keys keys = keys_in(text_between(json_, "### " + command, "### "));
    if (command == "recipes") {
      keys.merge(keys_in(text_between(page_, "### Recipes of your own", "## ")));
    }
    std::string sentence;
    for (const std::string& paragraph : paragraphs()) {
      if (paragraph.starts_with("|") && is_named(sentence, command)) {
        keys.merge(keys_in(sentence + paragraph));
      }
      sentence = paragraph;
    }
    return keys;
  }

  bool says_array(const Call& call) const {
    for (const std::string& paragraph : paragraphs()) {
      std::istringstream lines(paragraph);
      for (std::string line; std::getline(lines, line);) {
        if (line.ends_with(" are arrays.")) return is_named(line, command_of(call));
      }
    }
    ADD_FAILURE() << "no line tells which results are arrays";
    return false;
  }

 private:
  std::vector<std::string> paragraphs() const {
    std::vector<std::string> found;
    std::size_t begin = 0;
    while (begin < introduction_.size()) {
      const std::size_t end = std::min(introduction_.find("\n\n", begin), introduction_.size());
      found.push_back(introduction_.substr(begin, end - begin));
      begin = end + 2;
    }
    return found;
  }

  std::string page_;
  std::string json_;
  std::string introduction_;
};

/// Expects the page to have the keys of these calls, and no others.
void expect_explained(const std::vector<Call>& calls, const std::filesystem::path& folder) {
  const JsonPage page;
  std::map<std::string, Keys> reported;
  Keys commands;
  for (const Call& call : calls) {
    std::vector<std::string> arguments = call.arguments;
    arguments.emplace_back("--json");
    const ProcessResult result = run_lqnet(arguments, {.folder = folder});
    ASSERT_EQ(result.exit_code, call.exit_code) << result.err;
    const nlohmann::json report = result.json();
    collect_keys(report, reported[command_of(call)]);
    commands.insert(call.arguments.front());
    const bool is_of_dataset = std::ranges::count(arguments, "--dataset") > 0;
    EXPECT_EQ(report.is_array(), page.says_array(call) && !is_of_dataset) << command_of(call);
  }
  for (const auto& [command, keys] : reported) {
    // A section may refer to other commands.
    const Keys explained = difference(page.keys_of(command), difference(commands, keys));
    EXPECT_EQ(difference(keys, explained), Keys()) << command << ": these are not on the page";
    EXPECT_EQ(difference(explained, keys), Keys()) << command << ": no report has these";
  }
}

TEST(CliPageTest, ExplainsTheJsonOfEveryCommand) {
  const TemporaryFolder folder;
  write_recipe(folder / "tiny.json", tiny_recipe());
  write_content(folder / "picture.pgm", "P5 2 2 255\nabcd");
  write_photographs(folder / "images",
                    {.classes = 2, .train_images = 1, .height = 30, .width = 40});
  expect_explained(
      {{{"train", "--recipe", "tiny.json", "--max-steps", "1", "--out", "run"}},
       {{"eval", "--checkpoint", "run"}},
       {{"info", "--checkpoint", "run"}},
       {{"stats", "--checkpoint", "run"}},
       {{"pack", "--checkpoint", "run", "--out", "network.lqn", "--verify"}},
       {{"infer", "--network", "network.lqn", "picture.pgm", "tiny.json"}, /*exit_code=*/1},
       {{"infer", "--network", "network.lqn", "--dataset", "synthetic", "--batch", "4"}},
       {{"bench", "network", "--network", "network.lqn", "--rounds", "1", "--layers"}},
       {{"bench", "network", "--model", "small-cnn", "--input", "8x8x3", "--rounds", "1"}},
       {{"bench", "train", "--model", "small-cnn", "--input", "8x8x3", "--batch", "4", "--steps",
         "1"}},
       {{"bench", "conv", "--shape", "16,16,4,4,3,1", "--bits", "1/1", "--rounds", "1"}},
       {{"bench", "gpu-model", "--shape", "16,16,4,4,3,1"}},
       {{"bench", "data", "--data", "images", "--images", "2", "--rounds", "1"}},
       {{"shard", "--data", "images", "--out", "shards"}},
       {{"generate-images", "--out", "made-up", "--classes", "1", "--images", "1", "--val-images",
         "1"}},
       {{"recipes"}}},
      folder.path());
}

/// A layer that no library can compute, and one that others have published times of.
TEST(BenchCudaPageTest, ExplainsTheJson) {
  if (!has_cuda_device()) GTEST_SKIP() << "needs a CUDA device";
  const TemporaryFolder folder;
  expect_explained({{{"bench", "cuda", "--shape", "3,5,5,5,3,2;128,128,16,16,3,1", "--bits", "1/2",
                      "--batch", "1", "--rounds", "1", "--repeats", "1"}}},
                   folder.path());
}

}  // namespace
}  // namespace lq::testing
