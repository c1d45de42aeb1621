#include "emulator/instructions/device_library.h"

#include <algorithm>
#include <cstdio>
#include <string>

#include "core/error.h"
#include "emulator/instructions/memory_access.h"

namespace lq::emulator {
namespace {

/// Reads what the lane's parameters and generic pointers refer to.
class LaneReader {
 public:
  LaneReader(Warp& warp, const Instruction& instruction, int lane)
      : warp_(warp), instruction_(instruction), lane_(lane) {}

  std::uint64_t parameter(std::size_t index) {
    const Activation& top = warp_.top();
    const ParameterPlace& place = top.function->calls[instruction_.detail].arguments.at(index);
    std::uint64_t value = 0;
    std::memcpy(&value, warp_.local_bytes(lane_) + top.local + place.offset,
                std::min<std::size_t>(place.bytes, sizeof(value)));
    return value;
  }

  template <typename T>
  T at(std::uint64_t address) {
    T value;
    // Faults name the call.
    std::memcpy(&value,
                generic_bytes(warp_, instruction_, lane_, address, sizeof(T), AccessKind::read),
                sizeof(T));
    return value;
  }

  std::string text(std::uint64_t address) {
    std::string result;
    for (char c = at<char>(address); c != '\0'; c = at<char>(++address)) result += c;
    return result;
  }

 private:
  Warp& warp_;
  const Instruction& instruction_;
  int lane_;
};

/// Arguments of printf lie one behind the other, each aligned to its size.
class ArgumentList {
 public:
  ArgumentList(LaneReader& reader, std::uint64_t address) : reader_(reader), next_(address) {}

  template <typename T>
  T take() {
    next_ = (next_ + sizeof(T) - 1) / sizeof(T) * sizeof(T);
    const T value = reader_.at<T>(next_);
    next_ += sizeof(T);
    return value;
  }

 private:
  LaneReader& reader_;
  std::uint64_t next_;
};

template <typename... T>
std::string formatted(const std::string& conversion, T... values) {
  char buffer[512];
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
#pragma GCC diagnostic ignored "-Wformat-security"
  const int length = std::snprintf(buffer, sizeof(buffer), conversion.c_str(), values...);
#pragma GCC diagnostic pop
  return {buffer, static_cast<std::size_t>(std::clamp<int>(length, 0, sizeof(buffer) - 1))};
}

/// One conversion, of which widths may be arguments (`*`).
std::string convert(std::string conversion, ArgumentList& arguments, LaneReader& reader) {
  for (std::size_t star = conversion.find('*'); star != std::string::npos;
       star = conversion.find('*')) {
    conversion.replace(star, 1, std::to_string(arguments.take<std::int32_t>()));
  }
  const char kind = conversion.back();
  const bool is_long = conversion.find_first_of("lzjt") != std::string::npos;
  switch (kind) {
    case 'd':
    case 'i':
    case 'u':
    case 'x':
    case 'X':
    case 'o':
      return is_long ? formatted(conversion, arguments.take<std::uint64_t>())
                     : formatted(conversion, arguments.take<std::uint32_t>());
    case 'c':
      return formatted(conversion, arguments.take<std::uint32_t>());
    case 'p':
      return formatted(conversion, reinterpret_cast<void*>(arguments.take<std::uint64_t>()));
    case 's':
      return formatted(conversion, reader.text(arguments.take<std::uint64_t>()).c_str());
    case '%':
      return "%";
    default:
      return formatted(conversion, arguments.take<double>());
  }
}

std::string printed(LaneReader& reader) {
  const std::string format = reader.text(reader.parameter(0));
  ArgumentList arguments(reader, reader.parameter(1));
  std::string result;
  for (std::size_t at = 0; at < format.size(); ++at) {
    const std::size_t end =
        format[at] == '%' ? format.find_first_of("diuxXocps%eEfFgGaA", at + 1) : std::string::npos;
    if (end == std::string::npos) {
      result += format[at];
      continue;
    }
    result += convert(format.substr(at, end - at + 1), arguments, reader);
    at = end;
  }
  return result;
}

template <typename T>
void set_result(Warp& warp, const Instruction& instruction, int lane, T value) {
  const Activation& top = warp.top();
  const CallSite& call = top.function->calls[instruction.detail];
  if (call.results.empty()) return;
  std::memcpy(warp.local_bytes(lane) + top.local + call.results[0].offset, &value, sizeof(value));
}

void print(Frame& frame, const Instruction& instruction, LaneMask mask) {
  Warp& warp = warp_of(frame);
  for_each_lane(mask, [&](int lane) {
    LaneReader reader(warp, instruction, lane);
    const std::string text = printed(reader);
    std::fwrite(text.data(), 1, text.size(), stdout);
    set_result(warp, instruction, lane, std::int32_t{0});
  });
}

/// void* malloc(bytes): memory of the device like any other.
void allocate(Frame& frame, const Instruction& instruction, LaneMask mask) {
  Warp& warp = warp_of(frame);
  for_each_lane(mask, [&](int lane) {
    const std::uint64_t bytes = LaneReader(warp, instruction, lane).parameter(0);
    set_result(warp, instruction, lane, warp.block->memory().allocate(bytes));
  });
}

void release(Frame& frame, const Instruction& instruction, LaneMask mask) {
  Warp& warp = warp_of(frame);
  DeviceMemory& memory = warp.block->memory();
  for_each_lane(mask, [&](int lane) {
    const std::uint64_t address = LaneReader(warp, instruction, lane).parameter(0);
    if (address == 0) return;
    const auto found = memory.contains(address) ? memory.find(address) : std::nullopt;
    if (!found || found->address != address || found->freed) {
      fault(warp, instruction, lane,
            fmt::format("free of {:#x}, which is {}", address,
                        found && found->address == address ? "freed already" : "no allocation"));
    }
    memory.release(address);
  });
}

/// void __assertfail(message, file, line, function, size of a character)
void fail_assertion(Frame& frame, const Instruction& instruction, LaneMask mask) {
  Warp& warp = warp_of(frame);
  const int lane = std::countr_zero(mask);
  LaneReader reader(warp, instruction, lane);
  fault(warp, instruction, lane,
        fmt::format("assertion '{}' failed at {}:{}", reader.text(reader.parameter(0)),
                    reader.text(reader.parameter(1)),
                    static_cast<std::uint32_t>(reader.parameter(2))));
}

}  // namespace

Handler device_library_function(std::string_view name) {
  if (name == "vprintf") return print;
  if (name == "__assertfail") return fail_assertion;
  if (name == "malloc") return allocate;
  if (name == "free") return release;
  return nullptr;
}

}  // namespace lq::emulator
