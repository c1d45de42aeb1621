#include "apps/cuda/verification_report.h"

#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "apps/text_table.h"
#include "kernels/conv2d/conv2d.h"
#include "kernels/linear/linear.h"

namespace lq::apps {

namespace {

using bench::CudaVerification;

std::string difference_text(const CudaVerification& of) {
  if (!of.failure.empty()) return "-";
  if (of.worst_percent == 0) return "none";
  return std::isfinite(of.worst_percent) ? fmt::format("{:.0f}", of.worst_percent) : "unbounded";
}

}  // namespace

nlohmann::ordered_json verification_json(const std::vector<CudaVerification>& verifications,
                                         Device device) {
  nlohmann::ordered_json rows = nlohmann::ordered_json::array();
  for (const CudaVerification& of : verifications) {
    // JSON has no infinity.
    const bool is_finite = of.failure.empty() && std::isfinite(of.worst_percent);
    rows.push_back(
        {{"operation", of.operation},
         {"right", of.is_right()},
         {"values", of.values},
         {"worst_percent", is_finite ? nlohmann::ordered_json(of.worst_percent) : nullptr},
         {"failure", of.failure.empty() ? nullptr : nlohmann::ordered_json(of.failure)}});
  }
  return {{"device", device_backend(device.type).describe(device.index)},
          {"conv2d_by", kernels::cuda::conv2d_implementation()},
          {"linear_by", kernels::cuda::linear_implementation()},
          {"operations", std::move(rows)}};
}

void print_verification_text(const std::vector<CudaVerification>& verifications, Device device) {
  TextTable table({{"operation", TextTable::Align::left},
                   {"as on the CPU", TextTable::Align::left},
                   {"values"},
                   {"worst, % of allowed"}});
  for (const CudaVerification& of : verifications) {
    table.add_row({of.operation, of.is_right() ? "yes" : "NO", fmt::format("{}", of.values),
                   difference_text(of)});
  }
  fmt::print("{}", table.str());
  for (const CudaVerification& of : verifications) {
    if (!of.failure.empty()) fmt::print("{}: {}\n", of.operation, of.failure);
  }
  fmt::print("{}; convolutions by {}, linear layers by {}\n",
             device_backend(device.type).describe(device.index),
             kernels::cuda::conv2d_implementation(), kernels::cuda::linear_implementation());
}

}  // namespace lq::apps
