#include "emulator/runtime/settings.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <fstream>
#include <string>
#include <string_view>
#include <thread>

#include "core/error.h"

namespace lq::emulator {
namespace {

// From the table of technical specifications per compute capability of the CUDA programming guide.
constexpr DeviceLimits all_limits[] = {
    {75, 64 * 1024, 64 * 1024, 1024, 16},   {80, 163 * 1024, 164 * 1024, 2048, 32},
    {86, 99 * 1024, 100 * 1024, 1536, 16},  {89, 99 * 1024, 100 * 1024, 1536, 24},
    {90, 227 * 1024, 228 * 1024, 2048, 32}, {100, 227 * 1024, 228 * 1024, 2048, 32},
    {120, 99 * 1024, 100 * 1024, 1536, 24},
};

std::int64_t number_of(const char* name, std::string_view text, std::int64_t least,
                       std::int64_t most) {
  std::int64_t result = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), result);
  check(
      error == std::errc() && end == text.data() + text.size() && result >= least && result <= most,
      "{} is '{}', expected a number from {} to {}", name, text, least, most);
  return result;
}

std::int64_t number(const char* name, std::int64_t otherwise, std::int64_t least,
                    std::int64_t most) {
  const char* const value = std::getenv(name);
  return value == nullptr || *value == '\0' ? otherwise : number_of(name, value, least, most);
}

Order order_from_environment() {
  constexpr const char* name = "LQNET_EMULATED_ORDER";
  const char* const value = std::getenv(name);
  const std::string_view text = value == nullptr ? "" : value;
  if (text.empty() || text == "forward") return {};
  if (text == "reverse") return {OrderKind::reverse};
  constexpr std::string_view random = "random";
  check(text == random || text.starts_with("random:"),
        "{} is '{}', expected forward, reverse, random or random:SEED", name, text);
  if (text == random) return {OrderKind::random};
  const std::int64_t seed =
      number_of("the seed of LQNET_EMULATED_ORDER", text.substr(random.size() + 1), 0, 0x7FFFFFFF);
  return {OrderKind::random, static_cast<std::uint64_t>(seed)};
}

StreamTiming streams_from_environment() {
  constexpr const char* name = "LQNET_EMULATED_STREAMS";
  const char* const value = std::getenv(name);
  const std::string_view text = value == nullptr ? "" : value;
  if (text.empty() || text == "immediate") return StreamTiming::immediate;
  if (text == "lazy") return StreamTiming::lazy;
  check(text == "others_first", "{} is '{}', expected immediate, lazy or others_first", name, text);
  return StreamTiming::others_first;
}

void set_counters(Settings& settings) {
  const char* const value = std::getenv("LQNET_EMULATED_COUNTERS");
  const std::string_view text = value == nullptr ? "" : value;
  if (text.empty() || text == "0") return;
  if (text == "1") {
    settings.counters = CounterOutput::table;
  } else if (text == "lines") {
    settings.counters = CounterOutput::lines;
  } else if (text == "json" || text.ends_with(".json")) {
    settings.counters = CounterOutput::json;
    if (text != "json") settings.counter_file = text;
  } else {
    fail("LQNET_EMULATED_COUNTERS is '{}', expected 0, 1, lines, json or the name of a .json file",
         text);
  }
}

/// What is written at the end of the program must not be lost then.
void check_writable(const char* name, const std::string& file) {
  if (file.empty()) return;
  check(std::ofstream(file, std::ios::app).is_open(), "{}: cannot write {}", name, file);
}

}  // namespace

const DeviceLimits& limits_of(int capability) {
  std::string known;
  for (const DeviceLimits& limits : all_limits) {
    if (limits.capability == capability) return limits;
    known += (known.empty() ? "" : ", ") + std::to_string(limits.capability);
  }
  fail("LQNET_EMULATED_SM is {}, expected one of {}", capability, known);
}

Settings settings_from_environment() {
  Settings settings;
  settings.capability = static_cast<int>(number("LQNET_EMULATED_SM", 80, 0, 1000));
  limits_of(settings.capability);
  const auto cores = std::max(1U, std::thread::hardware_concurrency());
  settings.threads = static_cast<int>(number("LQNET_EMULATED_THREADS", cores, 1, 1024));
  constexpr std::int64_t megabyte = 1 << 20;
  settings.memory_bytes =
      static_cast<std::uint64_t>(megabyte * number("LQNET_EMULATED_MEMORY_MB", 4096, 16, 1 << 18));
  settings.multiprocessors =
      static_cast<int>(number("LQNET_EMULATED_MULTIPROCESSORS", settings.multiprocessors, 1, 1024));
  set_counters(settings);
  const char* const launch_file = std::getenv("LQNET_EMULATED_LAUNCHES");
  settings.launch_file = launch_file == nullptr ? "" : launch_file;
  check_writable("LQNET_EMULATED_LAUNCHES", settings.launch_file);
  check_writable("LQNET_EMULATED_COUNTERS", settings.counter_file);
  settings.finds_races = number("LQNET_EMULATED_RACES", 1, 0, 1) != 0;
  settings.reads_unwritten = number("LQNET_EMULATED_UNWRITTEN", 0, 0, 1) != 0;
  settings.order = order_from_environment();
  settings.streams = streams_from_environment();
  settings.most_warp_instructions = static_cast<std::uint64_t>(
      number("LQNET_EMULATED_LIMIT", default_most_warp_instructions, 1, std::int64_t{1} << 62));
  settings.continues = number("LQNET_EMULATED_CONTINUE", 0, 0, 1) != 0;
  return settings;
}

}  // namespace lq::emulator
