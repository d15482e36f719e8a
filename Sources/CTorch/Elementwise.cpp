// Operations that treat every element alike.
#include "Guard.hpp"

using namespace ct;

namespace {

at::Tensor unary(CTUnary operation, const at::Tensor &x) {
  switch (operation) {
    case CT_NEGATE: return at::neg(x);
    case CT_SQRT: return at::sqrt(x);
    case CT_EXP: return at::exp(x);
    case CT_LOG: return at::log(x);
    case CT_ABS: return at::abs(x);
    case CT_RELU: return at::relu(x);
    case CT_SIGMOID: return at::sigmoid(x);
    case CT_TANH: return at::tanh(x);
    case CT_SIN: return at::sin(x);
    case CT_COS: return at::cos(x);
    case CT_ROUND: return at::round(x);
    case CT_FLOOR: return at::floor(x);
    case CT_RECIPROCAL: return at::reciprocal(x);
    case CT_SQUARE: return at::mul(x, x);
    case CT_SILU: return at::silu(x);
    case CT_IS_FINITE: return at::isfinite(x);
  }
  TORCH_CHECK(false, "unknown unary operation");
}

at::Tensor binary(CTBinary operation, const at::Tensor &a, const at::Tensor &b) {
  switch (operation) {
    case CT_ADD: return at::add(a, b);
    case CT_SUBTRACT: return at::sub(a, b);
    case CT_MULTIPLY: return at::mul(a, b);
    case CT_DIVIDE: return at::div(a, b);
    case CT_POWER: return at::pow(a, b);
    case CT_LESS: return at::lt(a, b);
    case CT_GREATER: return at::gt(a, b);
    case CT_EQUAL: return at::eq(a, b);
    case CT_MINIMUM: return at::minimum(a, b);
    case CT_MAXIMUM: return at::maximum(a, b);
  }
  TORCH_CHECK(false, "unknown binary operation");
}

/// A number that takes part in type promotion as a literal does: it never widens a floating tensor.
at::Tensor wrapped(double value) {
  auto number = at::scalar_tensor(value, at::TensorOptions(at::kDouble));
  number.unsafeGetTensorImpl()->set_wrapped_number(true);
  return number;
}

}  // namespace

CTError ct_unary(CTUnary operation, CTTensorRef x, CTTensorRef *out) {
  return result(out, [&] { return unary(operation, x->value); });
}

CTError ct_binary(CTBinary operation, CTTensorRef a, CTTensorRef b, CTTensorRef *out) {
  return result(out, [&] { return binary(operation, a->value, b->value); });
}

CTError ct_binary_scalar(CTBinary operation, CTTensorRef x, double value, bool value_first, CTTensorRef *out) {
  return result(out, [&] {
    // A power with a plain exponent has its own, much faster path and a derivative that is finite at 0.
    if (operation == CT_POWER && !value_first) return at::pow(x->value, value);
    return value_first ? binary(operation, wrapped(value), x->value) : binary(operation, x->value, wrapped(value));
  });
}

CTError ct_clamp(CTTensorRef x, const double *min, const double *max, CTTensorRef *out) {
  return result(out, [&] {
    auto bound = [](const double *value) {
      return value ? c10::optional<at::Scalar>(*value) : c10::optional<at::Scalar>();
    };
    return at::clamp(x->value, bound(min), bound(max));
  });
}

CTError ct_where(CTTensorRef condition, CTTensorRef a, CTTensorRef b, CTTensorRef *out) {
  return result(out, [&] { return at::where(condition->value, a->value, b->value); });
}
