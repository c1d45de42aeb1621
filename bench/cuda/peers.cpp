#include "bench/cuda/peers.h"

#include <limits>

#include "core/error.h"

namespace lq::bench {

std::string_view name_of(PeerNumbers numbers) {
  return numbers == PeerNumbers::fp16 ? "fp16" : "int8";
}

template <typename Make>
void Peers::add(std::string name, Make&& make) {
  Library library{.name = std::move(name), .failure = {}, .library = nullptr};
  try {
    library.library = make(stream_);
  } catch (const Error& error) {
    library.failure = error.what();
  }
  libraries_.push_back(std::move(library));
}

Peers::Peers(Stream& stream) : stream_(stream) {
  add("cuDNN", make_cudnn_peer);
  add("cuBLAS", make_cublas_peer);
}

std::vector<std::string> Peers::descriptions() const {
  std::vector<std::string> descriptions;
  for (const Library& of : libraries_) {
    descriptions.push_back(of.library ? of.library->version()
                                      : fmt::format("no {} ({})", of.name, of.failure));
  }
  return descriptions;
}

std::vector<PeerEntry> Peers::enter(PeerProblem& problem, const kernels::Conv2dGeometry& geometry,
                                    Repetition& repetition) {
  std::vector<PeerEntry> entries;
  for (const Library& of : libraries_) {
    if (of.library && !of.library->takes(geometry)) continue;
    for (const PeerNumbers numbers : {PeerNumbers::fp16, PeerNumbers::int8}) {
      PeerEntry entry{.library = of.name,
                      .numbers = numbers,
                      .missing = of.failure,
                      .way = nullptr,
                      .contestant = nullptr};
      if (of.library) choose_way(entry, *of.library, problem, repetition);
      entries.push_back(std::move(entry));
    }
  }
  return entries;
}

void Peers::choose_way(PeerEntry& entry, PeerLibrary& library, PeerProblem& problem,
                       Repetition& repetition) {
  constexpr int trials = 3;
  entry.missing = "it has no way to compute this";
  std::vector<std::unique_ptr<PeerWay>> ways;
  try {
    ways = library.ways(problem.layer(entry.numbers));
  } catch (const Error& error) {
    entry.missing = error.what();
  }
  double least_us = std::numeric_limits<double>::infinity();
  for (std::unique_ptr<PeerWay>& way : ways) {
    try {
      auto contestant = std::make_unique<CudaContestant>(repetition, [&way] { way->queue(); });
      problem.clear();
      contestant->run();
      if (std::string wrong = problem.complaint(library.results(entry.numbers)); !wrong.empty()) {
        entry.missing = std::move(wrong);
        continue;
      }
      CudaContestant* const alone = contestant.get();
      const double us = median_us_in_turns({&alone, 1}, trials, repetition).front();
      if (us >= least_us) continue;
      least_us = us;
      entry.contestant = std::move(contestant);
      entry.way = std::move(way);
    } catch (const Error& error) {
      entry.missing = error.what();
    }
  }
  if (entry.contestant) entry.missing.clear();
}

}  // namespace lq::bench
