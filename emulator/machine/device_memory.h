// The device's global memory: exact allocations, and which of their bytes have been written.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "emulator/machine/global_races.h"

namespace lq::emulator {

/// Addresses lie in one reserved range of the process, in which nothing is accessible to the
/// program but what it may access (pinned and managed memory): a host that follows a device pointer
/// is stopped as it is with a device. The bytes themselves are mapped a second time, for the
/// emulator. Addresses are not used again, so that a pointer to freed memory is recognised.
///
/// The shadow has one byte for each word of four: which bytes are allocated in its lower half, and
/// which of them were written in its upper half.
class DeviceMemory {
 public:
  enum class Access { device_only, host_too };
  struct Allocation {
    std::uint64_t address = 0;
    std::uint64_t bytes = 0;
    bool host_too = false;
    bool freed = false;
    std::string name;  // of a variable
  };

  /// `capacity`: bytes that may be allocated at a time.
  explicit DeviceMemory(std::uint64_t capacity);
  ~DeviceMemory();
  DeviceMemory(const DeviceMemory&) = delete;
  DeviceMemory& operator=(const DeviceMemory&) = delete;

  /// An address aligned to 256 bytes, or 0 if there is no room.
  std::uint64_t allocate(std::uint64_t bytes, Access access = Access::device_only,
                         std::string name = {});
  /// Throws Error if `address` is not that of a live allocation.
  void release(std::uint64_t address);

  bool contains(std::uint64_t address) const { return address - base_ < range_; }
  /// The allocation, live or freed, that the address lies in or, if that is none, follows closest.
  std::optional<Allocation> find(std::uint64_t address) const;
  /// Throws Error, with `what` in front, unless all bytes belong to one live allocation.
  void check_range(std::uint64_t address, std::uint64_t bytes, const char* what) const;

  /// Of a range that has been checked.
  std::byte* host_bytes(std::uint64_t address) const { return bytes_ + (address - base_); }
  void mark_written(std::uint64_t address, std::uint64_t bytes);
  /// Copies also which bytes were written.
  void copy(std::uint64_t to, std::uint64_t from, std::uint64_t bytes);

  /// The stamps that find races between blocks, by offset_of() an address.
  GlobalRaces& races() const { return *races_; }
  std::uint64_t offset_of(std::uint64_t address) const { return address - base_; }

  std::uint64_t capacity() const { return capacity_; }
  std::uint64_t used() const;

  /// For kernels: whether `bytes` (1, 2, 4, 8, 16 or 32, aligned) may be read or written. They mark
  /// what they write themselves.
  bool is_allocated(std::uint64_t address, unsigned bytes) const {
    return contains(address) && has(address, bytes, 0);
  }
  bool is_written(std::uint64_t address, unsigned bytes) const {
    return contains(address) && has(address, bytes, 4);
  }
  /// Whether whole words side by side have been written.
  bool is_row_written(std::uint64_t address, std::uint64_t bytes) const {
    if (!contains(address)) return false;
    const std::uint8_t* const shadow = shadow_ + ((address - base_) >> 2);
    std::uint8_t together = 0xFF;
    for (std::uint64_t i = 0; i < bytes / 4; ++i) together &= shadow[i];
    return together == 0xFF;
  }
  /// Several host threads may mark bytes of one word.
  void mark(std::uint64_t address, unsigned bytes) {
    std::uint8_t* const shadow = shadow_ + ((address - base_) >> 2);
    if (bytes >= 4) {
      for (unsigned i = 0; i < bytes / 4; ++i) {
        if (shadow[i] != 0xFF) shadow[i] = 0xFF;
      }
      return;
    }
    const auto ones = static_cast<std::uint8_t>(((1U << bytes) - 1) << (4 + (address & 3)));
    if ((shadow[0] & ones) != ones) __atomic_fetch_or(shadow, ones, __ATOMIC_RELAXED);
  }

  /// Address windows of the other spaces in generic addresses; each covers window_bytes, but that
  /// of shared memory one for the thread's own block and one for each block of the cluster behind.
  static constexpr std::uint64_t window_bytes = std::uint64_t{1} << 24;
  static constexpr std::uint64_t most_cluster_blocks = 16;
  static constexpr std::uint64_t shared_window_bytes = (1 + most_cluster_blocks) * window_bytes;
  static constexpr std::uint64_t all_windows_bytes = shared_window_bytes + 2 * window_bytes;
  std::uint64_t shared_window() const { return base_ - all_windows_bytes; }
  std::uint64_t local_window() const { return base_ - 2 * window_bytes; }
  std::uint64_t param_window() const { return base_ - window_bytes; }

 private:
  bool has(std::uint64_t address, unsigned bytes, unsigned shift) const {
    const std::uint8_t* const shadow = shadow_ + ((address - base_) >> 2);
    if (bytes <= 4) {
      const unsigned ones = ((1U << bytes) - 1) << (address & 3);
      return (static_cast<unsigned>(shadow[0]) >> shift & ones) == ones;
    }
    unsigned together = 0xFF;
    for (unsigned word = 0; word < bytes / 4; ++word) together &= shadow[word];
    return (together >> shift & 0xF) == 0xF;
  }
  void set_shadow(std::uint64_t address, std::uint64_t bytes, std::uint8_t bits, bool value);

  std::uint64_t capacity_;
  std::uint64_t range_ = 0;  // of addresses
  std::uint64_t reserved_ = 0;
  std::uint64_t base_ = 0;
  std::byte* bytes_ = nullptr;
  std::uint8_t* shadow_ = nullptr;
  int file_ = -1;
  std::unique_ptr<GlobalRaces> races_;

  mutable std::mutex mutex_;
  std::map<std::uint64_t, Allocation> allocations_;
  std::uint64_t next_ = 0;  // offset of the next allocation
  std::uint64_t used_ = 0;
};

}  // namespace lq::emulator
