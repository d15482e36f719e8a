// The whole C contract with libtorch.
//
// Rules that hold for every function:
// - It returns NULL on success, else a sentence that the caller must free with `free`. No C++ exception leaves it.
// - A `CTTensorRef` parameter is borrowed: the function keeps no reference to it and never changes its values.
// - A `CTTensorRef *` result is a new reference: the caller gives it back with `ct_free`. It is written only on success.
// - Results may share storage with arguments; that is safe because nothing here writes to a tensor that exists already.
// - Shapes, axes and pads are `int64_t` arrays with a count; axes may be negative and then count from the end.
#ifndef CTORCH_H
#define CTORCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#ifdef __clang__
#pragma clang assume_nonnull begin
#else
#define _Nullable
#define _Nonnull
#endif

/// A tensor; opaque.
typedef struct CTTensor *CTTensorRef;
/// NULL, or what went wrong; the caller frees it.
typedef char *_Nullable CTError;

enum { CT_MAX_RANK = 12 };

/// How every message begins that says that the system gave no memory.
#define CT_MEMORY_EXHAUSTED "memory is exhausted"

typedef enum CTDType {
  CT_FLOAT32 = 0,
  CT_BFLOAT16 = 1,
  CT_FLOAT64 = 2,
  CT_UINT8 = 3,
  CT_INT64 = 4,
  CT_BOOL = 5,
} CTDType;

/// What a tensor looks like. `device` is -1 for the CPU, else the index of the CUDA device.
typedef struct CTDescription {
  int64_t rank;
  int64_t shape[CT_MAX_RANK];
  CTDType dtype;
  int32_t device;
  /// Whether the memory order is n, h, w, c.
  bool channels_last;
} CTDescription;

// MARK: Creation and access (Creation.cpp); new tensors are on the device of `ct_set_device`

/// Copies `byte_count` bytes of contiguous row-major values from `data`, which stays the caller's.
CTError ct_from_data(const void *_Nullable data, size_t byte_count, CTDType dtype, const int64_t *shape, size_t rank,
                     CTTensorRef _Nullable *_Nonnull out);
CTError ct_full(double value, CTDType dtype, const int64_t *shape, size_t rank, CTTensorRef _Nullable *_Nonnull out);
/// count values: start, start + step, ...
CTError ct_arange(double start, double step, int64_t count, CTDType dtype, CTTensorRef _Nullable *_Nonnull out);
CTError ct_describe(CTTensorRef tensor, CTDescription *out);
/// Copies the values in row-major order, converted to `dtype`, to `buffer`, which holds `byte_count` bytes.
CTError ct_copy_out(CTTensorRef tensor, CTDType dtype, void *_Nullable buffer, size_t byte_count);
/// Gives a reference back.
void ct_free(CTTensorRef _Nullable tensor);
CTError ct_to_dtype(CTTensorRef tensor, CTDType dtype, CTTensorRef _Nullable *_Nonnull out);
CTError ct_to_device(CTTensorRef tensor, int32_t device, CTTensorRef _Nullable *_Nonnull out);
/// Memory order n, h, w, c for a tensor of rank 4; the shape stays n, c, h, w.
CTError ct_channels_last(CTTensorRef tensor, CTTensorRef _Nullable *_Nonnull out);
CTError ct_contiguous(CTTensorRef tensor, CTTensorRef _Nullable *_Nonnull out);
CTError ct_detach(CTTensorRef tensor, CTTensorRef _Nullable *_Nonnull out);

// MARK: Element-wise (Elementwise.cpp)

typedef enum CTUnary {
  CT_NEGATE,
  CT_SQRT,
  CT_EXP,
  CT_LOG,
  CT_ABS,
  CT_RELU,
  CT_SIGMOID,
  CT_TANH,
  CT_SIN,
  CT_COS,
  CT_ROUND,
  CT_FLOOR,
  CT_RECIPROCAL,
  CT_SQUARE,
  CT_SILU,
  CT_IS_FINITE,
} CTUnary;

typedef enum CTBinary {
  CT_ADD,
  CT_SUBTRACT,
  CT_MULTIPLY,
  CT_DIVIDE,
  CT_POWER,
  CT_LESS,
  CT_GREATER,
  CT_EQUAL,
  CT_MINIMUM,
  CT_MAXIMUM,
} CTBinary;

CTError ct_unary(CTUnary operation, CTTensorRef x, CTTensorRef _Nullable *_Nonnull out);
/// Broadcasts like NumPy.
CTError ct_binary(CTBinary operation, CTTensorRef a, CTTensorRef b, CTTensorRef _Nullable *_Nonnull out);
/// x op value, or value op x with `value_first`; a floating x keeps its dtype.
CTError ct_binary_scalar(CTBinary operation, CTTensorRef x, double value, bool value_first,
                         CTTensorRef _Nullable *_Nonnull out);
CTError ct_clamp(CTTensorRef x, const double *_Nullable min, const double *_Nullable max,
                 CTTensorRef _Nullable *_Nonnull out);
/// a where `condition` (bool) holds, else b.
CTError ct_where(CTTensorRef condition, CTTensorRef a, CTTensorRef b, CTTensorRef _Nullable *_Nonnull out);

// MARK: Reductions, losses and products (Reductions.cpp)

typedef enum CTReduction { CT_SUM, CT_MEAN, CT_MAX, CT_MIN, CT_LOG_SUM_EXP } CTReduction;

/// Over `axes`; over everything when `axis_count` is 0.
CTError ct_reduce(CTReduction operation, CTTensorRef x, const int64_t *_Nullable axes, size_t axis_count,
                  bool keep_dims, CTTensorRef _Nullable *_Nonnull out);
CTError ct_argmax(CTTensorRef x, int64_t axis, CTTensorRef _Nullable *_Nonnull out);
CTError ct_softmax(CTTensorRef x, int64_t axis, bool logarithm, CTTensorRef _Nullable *_Nonnull out);
CTError ct_cumulative_sum(CTTensorRef x, int64_t axis, CTTensorRef _Nullable *_Nonnull out);
/// The largest (or smallest) k along the last axis, sorted; `indices` is int64.
CTError ct_top_k(CTTensorRef x, int64_t k, bool largest, CTTensorRef _Nullable *_Nonnull values,
                 CTTensorRef _Nullable *_Nonnull indices);
/// Mean over the batch. `labels`: int64 of shape n, or probabilities of the shape of `logits` (n × classes).
CTError ct_cross_entropy(CTTensorRef logits, CTTensorRef labels, CTTensorRef _Nullable *_Nonnull out);
CTError ct_matmul(CTTensorRef a, CTTensorRef b, CTTensorRef _Nullable *_Nonnull out);
/// x · weightᵀ + bias.
CTError ct_linear(CTTensorRef x, CTTensorRef weight, CTTensorRef _Nullable bias, CTTensorRef _Nullable *_Nonnull out);
/// Q (n, k) of the QR decomposition of (n, k), k ≤ n.
CTError ct_orthonormal_columns(CTTensorRef x, CTTensorRef _Nullable *_Nonnull out);
/// The eigenvalues (n), ascending, and the eigenvectors, as columns (n, n), of a symmetric matrix, of which the lower triangle counts.
CTError ct_symmetric_eigen(CTTensorRef x, CTTensorRef _Nullable *_Nonnull values,
                           CTTensorRef _Nullable *_Nonnull vectors);
/// (n, d) and (m, d) to the squared Euclidean distances (n, m), clamped at 0; float32 even for bfloat16 arguments.
CTError ct_squared_distances(CTTensorRef a, CTTensorRef b, CTTensorRef _Nullable *_Nonnull out);

// MARK: Shape (Shape.cpp)

CTError ct_reshape(CTTensorRef x, const int64_t *shape, size_t rank, CTTensorRef _Nullable *_Nonnull out);
CTError ct_flatten(CTTensorRef x, int64_t from, CTTensorRef _Nullable *_Nonnull out);
CTError ct_transpose(CTTensorRef x, int64_t a, int64_t b, CTTensorRef _Nullable *_Nonnull out);
CTError ct_permute(CTTensorRef x, const int64_t *axes, size_t count, CTTensorRef _Nullable *_Nonnull out);
CTError ct_unsqueeze(CTTensorRef x, int64_t axis, CTTensorRef _Nullable *_Nonnull out);
CTError ct_squeeze(CTTensorRef x, int64_t axis, CTTensorRef _Nullable *_Nonnull out);
CTError ct_expand(CTTensorRef x, const int64_t *shape, size_t rank, CTTensorRef _Nullable *_Nonnull out);
CTError ct_slice(CTTensorRef x, int64_t axis, int64_t from, int64_t to, int64_t step,
                 CTTensorRef _Nullable *_Nonnull out);
/// Rows (entries along `axis`) at `indices` (int64, rank 1). An index out of range is an error.
CTError ct_index_select(CTTensorRef x, int64_t axis, CTTensorRef indices, CTTensorRef _Nullable *_Nonnull out);
/// One entry along `axis` for each entry of `indices` (int64, the shape of the result).
CTError ct_gather(CTTensorRef x, int64_t axis, CTTensorRef indices, CTTensorRef _Nullable *_Nonnull out);
CTError ct_concatenate(const CTTensorRef _Nonnull *_Nonnull tensors, size_t count, int64_t axis,
                       CTTensorRef _Nullable *_Nonnull out);
CTError ct_stack(const CTTensorRef _Nonnull *_Nonnull tensors, size_t count, int64_t axis,
                 CTTensorRef _Nullable *_Nonnull out);
/// `pads`: before and after, last axis first (left, right, top, bottom, ...).
CTError ct_pad(CTTensorRef x, const int64_t *pads, size_t count, double value, CTTensorRef _Nullable *_Nonnull out);
CTError ct_flip(CTTensorRef x, const int64_t *axes, size_t count, CTTensorRef _Nullable *_Nonnull out);
CTError ct_roll(CTTensorRef x, int64_t shift, int64_t axis, CTTensorRef _Nullable *_Nonnull out);

// MARK: Layers (Layers.cpp)

CTError ct_convolution2d(CTTensorRef x, CTTensorRef weight, CTTensorRef _Nullable bias, const int64_t *stride,
                         const int64_t *padding, int64_t groups, CTTensorRef _Nullable *_Nonnull out);
CTError ct_transposed_convolution2d(CTTensorRef x, CTTensorRef weight, CTTensorRef _Nullable bias,
                                    const int64_t *stride, const int64_t *padding, const int64_t *output_padding,
                                    CTTensorRef _Nullable *_Nonnull out);
CTError ct_average_pool2d(CTTensorRef x, int64_t kernel, int64_t stride, int64_t padding,
                          CTTensorRef _Nullable *_Nonnull out);
CTError ct_max_pool2d(CTTensorRef x, int64_t kernel, int64_t stride, int64_t padding,
                      CTTensorRef _Nullable *_Nonnull out);
CTError ct_group_norm(CTTensorRef x, int64_t groups, CTTensorRef _Nullable weight, CTTensorRef _Nullable bias,
                      double eps, CTTensorRef _Nullable *_Nonnull out);
/// Normalises with the statistics of the batch, or with `mean` and `variance` where both are given.
CTError ct_batch_norm(CTTensorRef x, CTTensorRef _Nullable weight, CTTensorRef _Nullable bias,
                      CTTensorRef _Nullable mean, CTTensorRef _Nullable variance, double eps,
                      CTTensorRef _Nullable *_Nonnull out);
/// Normalises with the statistics of the batch. `new_mean` and `new_variance` are `mean` and `variance` moved by
/// `momentum` towards the batch's mean and unbiased variance, without gradient. All results are written or none.
CTError ct_batch_norm_training(CTTensorRef x, CTTensorRef _Nullable weight, CTTensorRef _Nullable bias,
                               CTTensorRef mean, CTTensorRef variance, double momentum, double eps,
                               CTTensorRef _Nullable *_Nonnull out, CTTensorRef _Nullable *_Nonnull new_mean,
                               CTTensorRef _Nullable *_Nonnull new_variance);
/// Bilinear, half-pixel centres (align_corners = false).
CTError ct_upsample_bilinear(CTTensorRef x, int64_t height, int64_t width, CTTensorRef _Nullable *_Nonnull out);
/// Samples x (n, c, h, w) bilinearly under the affine maps theta (n, 2, 3), zeros outside, align_corners = false.
CTError ct_affine_sample(CTTensorRef x, CTTensorRef theta, CTTensorRef _Nullable *_Nonnull out);
/// Group norm with one group per channel, ReLU, 2 × 2 average pool: three library operations, differentiable to any order.
CTError ct_norm_relu_pool_composite(CTTensorRef x, CTTensorRef weight, CTTensorRef bias, double eps,
                                    CTTensorRef _Nullable *_Nonnull out);

// MARK: Kernels of our own (Convolution.cpp, NormReluPool.cpp, FirstBlock.cpp)

/// Which instructions a kernel of our own may use. A machine that has not the ones named is an error; the results differ in
/// rounding only.
typedef enum CTInstructions {
  CT_INSTRUCTIONS_BEST = -1,
  CT_INSTRUCTIONS_PORTABLE = 0,
  CT_INSTRUCTIONS_AVX2 = 1,
  CT_INSTRUCTIONS_AVX512 = 2,
} CTInstructions;

bool ct_supports_instructions(CTInstructions instructions);
/// `ct_convolution2d` with stride 1 and padding 1 for multiples of 32 channels and outputs, on the CPU, in float32 or bfloat16,
/// with a quarter of the multiplications; `ct_convolution2d` uses it where it is faster. Rounding differs from the
/// library's by about 1e-5 of the largest value; the result is in memory order n, h, w, c.
CTError ct_convolution3x3(CTTensorRef x, CTTensorRef weight, CTTensorRef _Nullable bias, CTInstructions instructions,
                          CTTensorRef _Nullable *_Nonnull out);
/// What `ct_norm_relu_pool_composite` computes, in one pass over x each way. On the CPU x in float32 or bfloat16 and the memory
/// order n, h, w, c is read as it is, another order is converted first; the result is in that order.
CTError ct_norm_relu_pool(CTTensorRef x, CTTensorRef weight, CTTensorRef bias, double eps, CTInstructions instructions,
                          CTTensorRef _Nullable *_Nonnull out);

/// A block of a network: convolution of stride 1, then `ct_norm_relu_pool` with `scale` and `shift`; the result is `dtype`. With at most
/// four channels of x, 3 × 3 weights and a multiple of 32 outputs, on the CPU, it is one kernel in float32 that keeps
/// nothing of the convolution; otherwise the two operations in `dtype`.
CTError ct_convolution_norm_relu_pool(CTTensorRef x, CTTensorRef weight, CTTensorRef bias, CTTensorRef scale,
                                      CTTensorRef shift, int64_t padding, double eps, CTDType dtype,
                                      CTInstructions instructions, CTTensorRef _Nullable *_Nonnull out);

// MARK: Gradients (Autograd.cpp)

/// The same values as a point to differentiate at. A tensor of an enclosing gradient stays connected to it.
CTError ct_track(CTTensorRef x, CTTensorRef _Nullable *_Nonnull out);
/// Gradients of the scalar `value` at `points`, into `gradients[0..<count]` (all written or none); zeros where `value` does not
/// depend on a point. With `create_graph` they can be differentiated again; without, the graph of `value` is freed.
CTError ct_gradients(CTTensorRef value, const CTTensorRef _Nonnull *_Nonnull points, size_t count, bool create_graph,
                     CTTensorRef _Nullable *_Nonnull gradients);

// MARK: Optimisers (Optimizer.cpp, Adam.cpp)

/// One step of torch.optim.SGD for `count` parameters: g += decay·p; m = first ? g : momentum·m + g; p -= rate·m.
/// `moments` is read unless `first`; new parameters and new moments (the gradient's, not read, when momentum is 0) are new
/// references in `new_parameters` and `new_moments`, all written or none. With momentum 0, `new_moments` is left alone.
CTError ct_sgd_step(const CTTensorRef _Nonnull *_Nonnull parameters, const CTTensorRef _Nonnull *_Nonnull gradients,
                    const CTTensorRef _Nonnull *_Nullable moments, size_t count, double rate, double momentum,
                    double decay, bool first, CTTensorRef _Nullable *_Nonnull new_parameters,
                    CTTensorRef _Nullable *_Nullable new_moments);

/// One step of torch.optim.AdamW, the `number`-th counted from 1, for `count` parameters: m = beta1·m + (1 − beta1)·g;
/// v = beta2·v + (1 − beta2)·g²; p = (1 − rate·decay)·p − rate·m̂ / (√v̂ + eps), with m̂ and v̂ divided by 1 − beta^number.
/// `moments` holds all m, then all v of the step before, and is not read in the first one. `results` receives new
/// references to all p, all m and all v: 3·count, all written or none.
CTError ct_adam_step(const CTTensorRef _Nonnull *_Nonnull parameters, const CTTensorRef _Nonnull *_Nonnull gradients,
                     const CTTensorRef _Nonnull *_Nullable moments, size_t count, int64_t number, double rate,
                     double beta1, double beta2, double eps, double decay, CTTensorRef _Nullable *_Nonnull results);

// MARK: Process-wide settings (Runtime.cpp)

/// Keeps freed memory in the process instead of returning each large block to the kernel, and uses one heap for all threads.
/// Call it first in `main`, before any thread starts. Returns false where the C library has no such settings.
bool ct_keep_freed_memory(void);
/// Threads of one operation. Holds for operations called from the calling thread, so call it on the compute thread.
CTError ct_set_threads(int32_t count);
int32_t ct_threads(void);
CTError ct_set_deterministic(bool deterministic);
/// Whether there is a CUDA device that this libtorch can use.
bool ct_has_cuda(void);
/// Where tensors are created from now on: -1 for the CPU, as it is at first, else the index of a CUDA device. Call it before there
/// are any. Fails where there is no such device.
CTError ct_set_device(int32_t device);
int32_t ct_device(void);
/// Whether operations called from this thread are the library's alone, as they are on every device but the CPU. For tests.
void ct_use_library_operations(bool only);
/// Version of the library as it says itself, such as "1.13.0"; static storage, not to be freed.
const char *ct_library_version(void);

/// Bytes in memory when the library had been loaded and nothing was computed; 0 where the system does not say.
int64_t ct_resident_at_load(void);

#ifdef __clang__
#pragma clang assume_nonnull end
#endif

#ifdef __cplusplus
}
#endif

#endif
