#include "emulator/machine/mbarrier.h"

#include "core/error.h"

namespace lq::emulator {

std::string Mbarrier::arrive(std::uint32_t count, bool drops, bool may_complete) {
  if (count == 0 || count > most) {
    return fmt::format("a count of {} arrivals, 1 to {} expected", count, most);
  }
  if (count > pending) {
    return fmt::format(
        "{} arrivals, more than the {} that this phase of the mbarrier still expects", count,
        pending);
  }
  if (!may_complete && count == pending && transactions == 0) {
    return "an arrival with .noComplete completes the phase";
  }
  pending -= count;
  if (drops) expected -= count;
  complete_phase_if_all_came();
  return {};
}

std::string Mbarrier::add_pending() {
  if (pending == most) return fmt::format("more than {} pending arrivals", most);
  ++pending;
  return {};
}

std::string Mbarrier::add_transactions(std::int64_t bytes) {
  transactions += bytes;
  if (transactions > most || transactions < -std::int64_t{most}) {
    return fmt::format("a transaction count of {}, -{} to {} expected", transactions, most, most);
  }
  complete_phase_if_all_came();
  return {};
}

void Mbarrier::complete_phase_if_all_came() {
  if (pending != 0 || transactions != 0) return;
  ++phase;
  pending = expected;
  completed = arrived;
}

std::uint64_t Mbarrier::state() const {
  return tag << 60 | (phase & most) << 40 | std::uint64_t{expected} << 20 | pending;
}

}  // namespace lq::emulator
