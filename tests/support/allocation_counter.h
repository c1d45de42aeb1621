// Counts what a test program allocates. allocation_counter.cpp replaces the allocation functions of
// the program that it is linked into.
#pragma once

namespace lq::testing {

/// False where a sanitizer has allocation functions of its own.
bool counts_allocations();

/// Calls of operator new since the program started, by all threads.
long allocation_count();

}  // namespace lq::testing
