// Adam with decoupled weight decay over a list of parameters in one call and one pass over the memory.
#include <cmath>

#include "Device.hpp"
#include "Guard.hpp"

using namespace ct;

namespace {

struct Settings {
  double rate, beta1, beta2, eps, decay, correction1, correction2;
};

template <typename Scalar>
void step(const Scalar *p, const Scalar *g, const Scalar *m, const Scalar *v, Scalar *new_p, Scalar *new_m,
          Scalar *new_v, int64_t count, const Settings &s) {
  // Every constant is rounded once: 1 - Scalar(0.999) is wrong in the fifth digit of a float.
  const Scalar beta1(s.beta1), beta2(s.beta2), new1(1 - s.beta1), new2(1 - s.beta2);
  const Scalar keep(1 - s.rate * s.decay), rate(s.rate / s.correction1), scale(1 / std::sqrt(s.correction2)), eps(s.eps);
  for (int64_t i = 0; i < count; i++) {
    Scalar mean = (m ? beta1 * m[i] : Scalar(0)) + new1 * g[i];
    Scalar square = (v ? beta2 * v[i] : Scalar(0)) + new2 * g[i] * g[i];
    new_m[i] = mean;
    new_v[i] = square;
    new_p[i] = keep * p[i] - rate * mean / (std::sqrt(square) * scale + eps);
  }
}

}  // namespace

CTError ct_adam_step(const CTTensorRef *parameters, const CTTensorRef *gradients, const CTTensorRef *moments,
                     size_t count, int64_t number, double rate, double beta1, double beta2, double eps, double decay,
                     CTTensorRef *results) {
  return guard([&] {
    TORCH_CHECK(number >= 1, "steps are counted from 1, found ", number);
    TORCH_CHECK(number == 1 || moments, "every step but the first needs the moments of the one before");
    const Settings settings{rate, beta1, beta2, eps, decay, 1 - std::pow(beta1, number), 1 - std::pow(beta2, number)};
    const bool reads = number > 1;
    std::vector<at::Tensor> all(3 * count);
    for (size_t i = 0; i < count; i++) {
      auto p = parameters[i]->value.detach(), g = gradients[i]->value.detach();
      auto m = reads ? moments[i]->value : at::Tensor(), v = reads ? moments[count + i]->value : at::Tensor();
      TORCH_CHECK(p.sizes() == g.sizes() && p.scalar_type() == g.scalar_type(), "parameter ", i, " is ", p.sizes(), " ",
                  p.scalar_type(), " but its gradient is ", g.sizes(), " ", g.scalar_type());
      TORCH_CHECK(!reads || (m.sizes() == p.sizes() && v.sizes() == p.sizes()), "parameter ", i, " is ", p.sizes(),
                  " but its moments are ", m.defined() ? m.sizes() : at::IntArrayRef());
      const auto type = p.scalar_type();
      if (takes_own_kernels(p) && g.device().is_cpu() && (type == at::kFloat || type == at::kDouble)) {
        // All in the memory order of the parameter, so that one index walks them all.
        auto format = p.suggest_memory_format();
        p = p.contiguous(format);
        g = g.contiguous(format);
        if (reads) {
          m = m.contiguous(format);
          v = v.contiguous(format);
        }
        auto new_p = at::empty_like(p), new_m = at::empty_like(p), new_v = at::empty_like(p);
        AT_DISPATCH_FLOATING_TYPES(type, "ct_adam_step", [&] {
          step<scalar_t>(p.data_ptr<scalar_t>(), g.data_ptr<scalar_t>(), reads ? m.data_ptr<scalar_t>() : nullptr,
                         reads ? v.data_ptr<scalar_t>() : nullptr, new_p.data_ptr<scalar_t>(),
                         new_m.data_ptr<scalar_t>(), new_v.data_ptr<scalar_t>(), p.numel(), settings);
        });
        all[i] = new_p;
        all[count + i] = new_m;
        all[2 * count + i] = new_v;
      } else {
        auto mean = g * (1 - beta1), square = g * g * (1 - beta2);
        if (reads) {
          mean = mean + m * beta1;
          square = square + v * beta2;
        }
        auto divisor = at::sqrt(square) / std::sqrt(settings.correction2) + eps;
        all[i] = p * (1 - rate * decay) - mean / divisor * (rate / settings.correction1);
        all[count + i] = mean;
        all[2 * count + i] = square;
      }
    }
    box_all(std::move(all), results);
  });
}
