// The smallest program that runs a packed network: link_test looks at what is in it.
#include <cstdio>

#include "deploy/packed_network.h"

int main(int count, char** arguments) {
  if (count != 2) return 2;
  lq::deploy::PackedNetwork network(arguments[1]);
  const lq::deploy::Value& input = network.input();
  const std::vector<float> image(input.h * input.w * input.c, 0.0F);
  std::vector<float> scores(network.classes());
  network.run(image, scores);
  std::printf("%g\n", static_cast<double>(scores[0]));
}
