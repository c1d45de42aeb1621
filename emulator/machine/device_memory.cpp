#include "emulator/machine/device_memory.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "core/error.h"

namespace lq::emulator {
namespace {

constexpr std::uint64_t page = 4096;
constexpr std::uint64_t alignment = 256;
// Below everything that a process maps by itself, so that addresses repeat from run to run.
constexpr std::uint64_t preferred_base = 0x300000000000;

std::uint64_t round_up(std::uint64_t value, std::uint64_t unit) {
  return (value + unit - 1) / unit * unit;
}

void* map(void* at, std::uint64_t bytes, int protection, int flags, int file) {
  void* const result = mmap(at, bytes, protection, flags, file, 0);
  return result == MAP_FAILED ? nullptr : result;
}

}  // namespace

DeviceMemory::DeviceMemory(std::uint64_t capacity) : capacity_(capacity) {
  constexpr int reserve = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
  // As many addresses as the system grants, since none is used twice.
  for (range_ = std::uint64_t{1} << 40; range_ >= capacity && range_ > 0; range_ /= 2) {
    reserved_ = range_ + all_windows_bytes;
    void* const base =
        map(reinterpret_cast<void*>(preferred_base), reserved_, PROT_NONE, reserve, -1);
    file_ = memfd_create("lqnet-device-memory", MFD_CLOEXEC);
    const bool sized = file_ >= 0 && ftruncate(file_, static_cast<off_t>(range_)) == 0;
    void* const bytes =
        sized ? map(nullptr, range_, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, file_)
              : nullptr;
    void* const shadow = map(nullptr, range_ / 4, PROT_READ | PROT_WRITE, reserve, -1);
    races_ = std::make_unique<GlobalRaces>(range_);
    if (base != nullptr && bytes != nullptr && shadow != nullptr && races_->is_on()) {
      base_ = reinterpret_cast<std::uint64_t>(base) + all_windows_bytes;
      bytes_ = static_cast<std::byte*>(bytes);
      shadow_ = static_cast<std::uint8_t*>(shadow);
      return;
    }
    if (base != nullptr) munmap(base, reserved_);
    if (bytes != nullptr) munmap(bytes, range_);
    if (shadow != nullptr) munmap(shadow, range_ / 4);
    if (file_ >= 0) close(file_);
  }
  fail("device memory: cannot reserve addresses for {} bytes", capacity);
}

DeviceMemory::~DeviceMemory() {
  munmap(reinterpret_cast<void*>(base_ - all_windows_bytes), reserved_);
  munmap(bytes_, range_);
  munmap(shadow_, range_ / 4);
  close(file_);
}

std::uint64_t DeviceMemory::allocate(std::uint64_t bytes, Access access, std::string name) {
  const std::lock_guard lock(mutex_);
  const bool host_too = access == Access::host_too;
  // Memory of the host has pages of its own. Behind each allocation addresses stay unused.
  const std::uint64_t begin = host_too ? round_up(next_, page) : next_;
  if (bytes > capacity_ - used_ || bytes > range_ - begin || range_ - begin - bytes < 2 * page) {
    return 0;
  }
  const std::uint64_t address = base_ + begin;
  if (host_too) {
    const std::uint64_t length = round_up(std::max<std::uint64_t>(bytes, 1), page);
    void* const at = reinterpret_cast<void*>(address);
    if (mmap(at, length, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, file_,
             static_cast<off_t>(begin)) == MAP_FAILED) {
      return 0;
    }
    next_ = begin + length + page;
  } else {
    next_ = round_up(begin + bytes, alignment) + alignment;
  }
  used_ += bytes;
  allocations_[address] = {address, bytes, host_too, false, std::move(name)};
  set_shadow(address, bytes, 0x0F, true);
  // The host writes without telling.
  if (host_too) set_shadow(address, bytes, 0xF0, true);
  return address;
}

void DeviceMemory::release(std::uint64_t address) {
  const std::lock_guard lock(mutex_);
  const auto found = allocations_.find(address);
  check(found != allocations_.end(), "device memory: {:#x} freed, which is no allocation", address);
  Allocation& allocation = found->second;
  check(!allocation.freed, "device memory: {:#x} freed twice", address);
  allocation.freed = true;
  used_ -= allocation.bytes;
  set_shadow(address, allocation.bytes, 0xFF, false);
  // Whole pages go back to the system.
  const std::uint64_t begin = round_up(address - base_, page);
  const std::uint64_t end = (address - base_ + allocation.bytes) / page * page;
  if (allocation.host_too) {
    const std::uint64_t length = round_up(std::max<std::uint64_t>(allocation.bytes, 1), page);
    mmap(reinterpret_cast<void*>(address), length, PROT_NONE,
         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
  }
  if (end > begin) {
    fallocate(file_, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(begin),
              static_cast<off_t>(end - begin));
  }
}

std::optional<DeviceMemory::Allocation> DeviceMemory::find(std::uint64_t address) const {
  const std::lock_guard lock(mutex_);
  auto after = allocations_.upper_bound(address);
  if (after == allocations_.begin()) return std::nullopt;
  return std::prev(after)->second;
}

void DeviceMemory::check_range(std::uint64_t address, std::uint64_t bytes, const char* what) const {
  const std::optional<Allocation> allocation = find(address);
  check(contains(address) && allocation && address - allocation->address <= allocation->bytes,
        "{}: {:#x} is not in any device allocation", what, address);
  check(!allocation->freed, "{}: {:#x} lies in freed memory", what, address);
  const std::uint64_t rest = allocation->bytes - (address - allocation->address);
  check(bytes <= rest, "{}: {} bytes at {:#x}, but the allocation has only {} there", what, bytes,
        address, rest);
}

void DeviceMemory::mark_written(std::uint64_t address, std::uint64_t bytes) {
  set_shadow(address, bytes, 0xF0, true);
}

void DeviceMemory::copy(std::uint64_t to, std::uint64_t from, std::uint64_t bytes) {
  std::memmove(host_bytes(to), host_bytes(from), bytes);
  if (((to | from | bytes) & 3) == 0) {
    std::memmove(shadow_ + (to - base_) / 4, shadow_ + (from - base_) / 4, bytes / 4);
  } else {
    mark_written(to, bytes);
  }
}

std::uint64_t DeviceMemory::used() const {
  const std::lock_guard lock(mutex_);
  return used_;
}

void DeviceMemory::set_shadow(std::uint64_t address, std::uint64_t bytes, std::uint8_t bits,
                              bool value) {
  const std::uint64_t begin = address - base_;
  const std::uint64_t end = begin + bytes;
  const auto change = [&](std::uint64_t word, unsigned byte_mask) {
    const auto change_bits = static_cast<std::uint8_t>(bits & (byte_mask | byte_mask << 4));
    if (value) {
      __atomic_fetch_or(shadow_ + word, change_bits, __ATOMIC_RELAXED);
    } else {
      __atomic_fetch_and(shadow_ + word, static_cast<std::uint8_t>(~change_bits), __ATOMIC_RELAXED);
    }
  };
  std::uint64_t at = begin;
  for (; at < end && at % 4 != 0; ++at) change(at / 4, 1U << at % 4);
  const std::uint64_t whole_end = std::max(at, end / 4 * 4);
  for (; at < whole_end; at += 4) {
    std::uint8_t& shadow = shadow_[at / 4];
    shadow = static_cast<std::uint8_t>(value ? shadow | bits : shadow & ~bits);
  }
  for (; at < end; ++at) change(at / 4, 1U << at % 4);
}

}  // namespace lq::emulator
