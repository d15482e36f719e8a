// Time of a ConvNet-3 with 128 filters on 32 × 32 images: the library's operations against our kernels.
//
//     cd Benchmarks/kernel
//     clang++ -std=c++17 -O2 -DNDEBUG -I../../Sources/CTorch -I../../Sources/CTorch/include blocks.cpp
//       ../../Sources/CTorch/{FirstBlock,Convolution,NormReluPool}.cpp -ltorch -ltorch_cpu -lc10 -lgomp -o /tmp/blocks   (one line)
//     OMP_WAIT_POLICY=PASSIVE /tmp/blocks 1 64        threads, images
//
// Prints microseconds of processor time per image and thread, the least of five runs: on a machine with other work this is
// steadier than the time on the wall. Swift's clang compiles it too.
#include <ATen/Parallel.h>
#include <malloc.h>
#include <time.h>
#include <torch/csrc/autograd/autograd.h>

#include <cstdio>
#include <cstdlib>

#include "FirstBlock.hpp"

using at::Tensor;
using torch::autograd::grad;

template <typename Body>
double least_seconds(Body body) {
  auto now = [] {
    timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return double(time.tv_sec) + 1e-9 * double(time.tv_nsec);
  };
  body();
  double least = 1e9;
  for (int i = 0; i < 5; i++) {
    const double start = now();
    body();
    least = std::min(least, now() - start);
  }
  return least;
}

struct Network {
  std::vector<Tensor> parameters;
  at::ScalarType type;
  bool ours;

  Tensor operator()(Tensor x) const {
    for (int block = 0; block < 3; block++) {
      const Tensor *p = &parameters[4 * block];
      if (ours) {
        x = ct::convolution_norm_relu_pool(x, p[0], p[1], p[2], p[3], 1, 1e-5, type, CT_INSTRUCTIONS_BEST);
      } else {
        x = at::conv2d(x.to(type), p[0].to(type), p[1].to(type), 1, 1);
        x = at::avg_pool2d(at::relu(at::group_norm(x, 128, p[2].to(type), p[3].to(type))), 2, 2);
      }
    }
    return at::linear(x.to(at::kFloat).flatten(1), parameters[12], parameters[13]);
  }
};

int main(int count, char **arguments) {
  const int threads = count > 1 ? atoi(arguments[1]) : 1, images = count > 2 ? atoi(arguments[2]) : 64;
  mallopt(M_ARENA_MAX, 1);
  mallopt(M_MMAP_THRESHOLD, 1 << 30);
  mallopt(M_TRIM_THRESHOLD, INT32_MAX);
  at::set_num_threads(threads);
  const double scale = 1e6 / images / threads;
  std::printf("%d images, %d threads\n%-10s %-9s %9s %9s %9s\n", images, threads, "kernels", "type", "forward", "+ images",
              "+ weights");
  for (const auto type : {at::kFloat, at::kBFloat16}) {
    for (const bool ours : {false, true}) {
      Network network{{}, type, ours};
      for (int block = 0; block < 3; block++) {
        network.parameters.push_back(at::randn({128, block ? 128 : 3, 3, 3}) * 0.05);
        network.parameters.push_back(at::randn({128}) * 0.1);
        network.parameters.push_back(at::ones({128}));
        network.parameters.push_back(at::zeros({128}));
      }
      network.parameters.push_back(at::randn({10, 2048}) * 0.02);
      network.parameters.push_back(at::zeros({10}));
      const auto x = at::randn({images, 3, 32, 32});
      const double forward = least_seconds([&] {
        at::NoGradGuard guard;
        network(x);
      });
      const double with_images = least_seconds([&] {
        auto point = x.detach().requires_grad_();
        grad({network(point).square().mean()}, {point});
      });
      for (auto &parameter : network.parameters) parameter.requires_grad_();
      const double with_weights = least_seconds([&] { grad({network(x).square().mean()}, network.parameters); });
      std::printf("%-10s %-9s %9.0f %9.0f %9.0f\n", ours ? "ours" : "library", type == at::kFloat ? "float32" : "bfloat16",
                  forward * scale, with_images * scale, with_weights * scale);
    }
  }
}
