// Libraries in a contest: each with its best way to compute a layer.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bench/cuda/contestant.h"
#include "bench/cuda/peer_library.h"
#include "bench/cuda/peer_problem.h"

namespace lq::bench {

/// A library and its numbers, ready to be timed; or why it is not.
struct PeerEntry {
  std::string library;  ///< "cuDNN"
  PeerNumbers numbers = PeerNumbers::fp16;
  std::string missing;
  std::unique_ptr<PeerWay> way;
  std::unique_ptr<CudaContestant> contestant;  ///< null where it is missing
};

/// The libraries that can be used.
class Peers {
 public:
  explicit Peers(Stream& stream);

  /// "cuDNN 9.19.0"; of one that cannot be used, why.
  std::vector<std::string> descriptions() const;

  /// For each library that computes layers of this kind, and each kind of numbers: of its first
  /// ways whose results are right, the fastest in a few runs.
  std::vector<PeerEntry> enter(PeerProblem& problem, const kernels::Conv2dGeometry& geometry,
                               Repetition& repetition);

 private:
  struct Library {
    std::string name;
    std::string failure;
    std::unique_ptr<PeerLibrary> library;  // null where it cannot be used
  };

  template <typename Make>
  void add(std::string name, Make&& make);
  void choose_way(PeerEntry& entry, PeerLibrary& library, PeerProblem& problem,
                  Repetition& repetition);

  Stream& stream_;
  std::vector<Library> libraries_;
};

}  // namespace lq::bench
