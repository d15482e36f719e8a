// Stochastic gradient descent over a list of parameters in one call and one pass over the memory.
#include "Device.hpp"
#include "Guard.hpp"

using namespace ct;

namespace {

template <typename Scalar>
void step(const Scalar *p, const Scalar *g, const Scalar *m, Scalar *new_p, Scalar *new_m, int64_t count, Scalar rate,
          Scalar momentum, Scalar decay) {
  for (int64_t i = 0; i < count; i++) {
    Scalar move = g[i] + decay * p[i];
    if (m) move += momentum * m[i];
    if (new_m) new_m[i] = move;
    new_p[i] = p[i] - rate * move;
  }
}

}  // namespace

CTError ct_sgd_step(const CTTensorRef *parameters, const CTTensorRef *gradients, const CTTensorRef *moments,
                    size_t count, double rate, double momentum, double decay, bool first, CTTensorRef *new_parameters,
                    CTTensorRef *new_moments) {
  return guard([&] {
    const bool keeps = momentum != 0, reads = keeps && !first;
    TORCH_CHECK(!keeps || new_moments, "momentum needs room for the new moments");
    TORCH_CHECK(!reads || moments, "momentum needs the moments of the step before");
    std::vector<at::Tensor> stepped, moved;
    stepped.reserve(count);
    moved.reserve(count);
    for (size_t i = 0; i < count; i++) {
      auto p = parameters[i]->value.detach(), g = gradients[i]->value.detach();
      auto m = reads ? moments[i]->value : at::Tensor();
      TORCH_CHECK(p.sizes() == g.sizes() && p.scalar_type() == g.scalar_type(), "parameter ", i, " is ", p.sizes(), " ",
                  p.scalar_type(), " but its gradient is ", g.sizes(), " ", g.scalar_type());
      TORCH_CHECK(!reads || m.sizes() == p.sizes(), "parameter ", i, " is ", p.sizes(), " but its moment is ",
                  m.sizes());
      const auto type = p.scalar_type();
      if (takes_own_kernels(p) && g.is_cpu() && (type == at::kFloat || type == at::kDouble)) {
        // All in the memory order of the parameter, so that one index walks them all.
        auto format = p.suggest_memory_format();
        p = p.contiguous(format);
        g = g.contiguous(format);
        if (reads) m = m.contiguous(format);
        auto new_p = at::empty_like(p), new_m = keeps ? at::empty_like(p) : at::Tensor();
        AT_DISPATCH_FLOATING_TYPES(type, "ct_sgd_step", [&] {
          step<scalar_t>(p.data_ptr<scalar_t>(), g.data_ptr<scalar_t>(), reads ? m.data_ptr<scalar_t>() : nullptr,
                         new_p.data_ptr<scalar_t>(), keeps ? new_m.data_ptr<scalar_t>() : nullptr, p.numel(),
                         scalar_t(rate), scalar_t(momentum), scalar_t(decay));
        });
        stepped.push_back(new_p);
        moved.push_back(new_m);
      } else {
        auto move = decay == 0 ? g : at::add(g, p, decay);
        if (reads) move = at::add(move, m, momentum);
        stepped.push_back(at::sub(p, move, rate));
        moved.push_back(move);
      }
    }
    std::vector<at::Tensor> all(std::move(stepped));
    if (keeps) all.insert(all.end(), moved.begin(), moved.end());
    std::vector<CTTensorRef> boxes(all.size());
    box_all(std::move(all), boxes.data());
    for (size_t i = 0; i < count; i++) {
      new_parameters[i] = boxes[i];
      if (keeps) new_moments[i] = boxes[count + i];
    }
  });
}
