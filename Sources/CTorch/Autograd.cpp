// Gradients of any order.
#include <torch/csrc/autograd/autograd.h>

#include "Guard.hpp"

using namespace ct;

CTError ct_track(CTTensorRef x, CTTensorRef *out) {
  return result(out, [&] {
    const auto &value = x->value;
    TORCH_CHECK(at::isFloatingType(value.scalar_type()), "only floating-point tensors have gradients, found ",
                value.scalar_type());
    // An alias inside an enclosing graph: the inner gradient ends here, the outer one passes through.
    if (value.requires_grad()) return value.view_as(value);
    return value.detach().requires_grad_(true);
  });
}

CTError ct_gradients(CTTensorRef value, const CTTensorRef *points, size_t count, bool create_graph,
                     CTTensorRef *gradients) {
  return guard([&] {
    const auto &scalar = value->value;
    TORCH_CHECK(scalar.numel() == 1, "only a scalar can be differentiated, found shape ", scalar.sizes());
    auto inputs = list(points, count);
    std::vector<at::Tensor> found(count);
    if (scalar.requires_grad() && count > 0) {
      found = torch::autograd::grad({scalar}, inputs, {}, /*retain_graph=*/create_graph, create_graph,
                                    /*allow_unused=*/true);
    }
    for (size_t i = 0; i < count; i++) {
      if (!found[i].defined()) found[i] = at::zeros_like(inputs[i].detach());
    }
    box_all(std::move(found), gradients);
  });
}
