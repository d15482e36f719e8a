#!/usr/bin/env python3
"""Golden values of the tensor operations, from definitions written out in NumPy, in float64.

    python3 Scripts/golden/tensors.py > fixtures/golden/tensors.json

Needs NumPy only. The inputs are multiples of 1/64, so float32, float64 and the file hold the same numbers.
Each case: operation, numbers that it takes, inputs, output. Integers among the inputs and outputs are marked.
"""
import json
import sys
from itertools import product

import numpy as np

rng = np.random.default_rng(20240607)
cases = []


def draw(*shape, low=-2.0, high=2.0):
    """Multiples of 1/64, all of them different within one array, so that no maximum is tied."""
    count = int(np.prod(shape))
    grid = np.arange(int(low * 64), int(high * 64))
    return (rng.choice(grid, size=count, replace=count > len(grid)) / 64 + 1 / 256).reshape(shape)


def plain(array):
    array = np.asarray(array)
    integer = array.dtype.kind in "iub"
    values = [int(v) if integer else float(v) for v in array.ravel()]
    return {"shape": list(array.shape), "integer": integer, "values": values}


def case(operation, inputs, output, numbers=()):
    cases.append({
        "operation": operation,
        "numbers": list(numbers),
        "inputs": [plain(i) for i in inputs],
        "output": plain(output),
    })


# Element-wise, with broadcasting.
a, b, row = draw(2, 3), draw(2, 3), draw(3)
positive = draw(2, 3, low=0.25, high=3)
case("add", [a, row], a + row)
case("subtract", [a, row], a - row)
case("multiply", [a, row], a * row)
case("divide", [a, positive], a / positive)
case("addNumber", [a], a + 1.5, [1.5])
case("numberMinus", [a], 1.5 - a, [1.5])
case("numberOver", [positive], 1.5 / positive, [1.5])
case("negate", [a], -a)
case("power", [positive], positive ** 2.5, [2.5])
case("powerTensor", [positive, a], positive ** a)
case("sqrt", [positive], np.sqrt(positive))
case("exp", [a], np.exp(a))
case("log", [positive], np.log(positive))
case("abs", [a], np.abs(a))
case("relu", [a], np.maximum(a, 0))
case("sigmoid", [a], 1 / (1 + np.exp(-a)))
case("tanh", [a], np.tanh(a))
case("sin", [a], np.sin(a))
case("cos", [a], np.cos(a))
case("silu", [a], a / (1 + np.exp(-a)))
case("squared", [a], a * a)
case("reciprocal", [positive], 1 / positive)
case("rounded", [a * 4], np.rint(a * 4))
case("floored", [a * 4], np.floor(a * 4))
case("clamped", [a], np.clip(a, -0.5, 1), [-0.5, 1])
case("maximum", [a, b], np.maximum(a, b))
case("minimum", [a, b], np.minimum(a, b))
case("less", [a, b], (a < b).astype(int))
case("greater", [a, b], (a > b).astype(int))
case("equal", [np.array([1.0, 2.0]), np.array([1.0, 3.0])], np.array([1, 0]))
case("where", [a, b], np.where(a > 0, a, b))

# Reductions and losses.
x = draw(2, 3, 4)
case("sumAll", [x], x.sum())
case("sum", [x], x.sum(axis=(0, 2)), [0, 2])
case("sumKeeping", [x], x.sum(axis=1, keepdims=True), [1])
case("meanAll", [x], x.mean())
case("mean", [x], x.mean(axis=(1, 2)), [1, 2])
case("max", [x], x.max(axis=-1), [-1])
case("min", [x], x.min(axis=0), [0])
case("maxAll", [x], x.max())
case("minAll", [x], x.min())
case("variance", [x], x.var(axis=(0, 2)), [0, 2])
case("logSumExp", [x], np.log(np.exp(x).sum(axis=1)), [1])
case("argmax", [x], x.argmax(axis=1), [1])
case("cumulativeSum", [x], x.cumsum(axis=2), [2])
order = np.argsort(-x, axis=-1)[..., :2]
case("topValues", [x], np.take_along_axis(x, order, -1), [2])
case("topIndices", [x], order, [2])


def log_softmax(z, axis):
    shifted = z - z.max(axis=axis, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=axis, keepdims=True))


case("softmax", [x], np.exp(log_softmax(x, 1)), [1])
case("logSoftmax", [x], log_softmax(x, -1), [-1])
logits, labels = draw(4, 3), np.array([2, 0, 1, 1])
case("crossEntropy", [logits, labels], -log_softmax(logits, 1)[np.arange(4), labels].mean())
soft = rng.integers(1, 9, size=(4, 3)) / 8
case("crossEntropySoft", [logits, soft], -(soft * log_softmax(logits, 1)).sum(axis=1).mean())

# Products.
left, right = draw(2, 3), draw(3, 2)
case("matmul", [left, right], np.einsum("ij,jk->ik", left, right))
left, right = draw(2, 2, 3), draw(2, 3, 2)
case("matmul", [left, right], np.einsum("bij,bjk->bik", left, right))
features, weight, bias = draw(4, 3), draw(2, 3), draw(2)
case("linear", [features, weight, bias], features @ weight.T + bias)
p, q = draw(3, 4), draw(2, 4)
case("squaredDistances", [p, q], ((p[:, None, :] - q[None, :, :]) ** 2).sum(axis=-1))

# Shape.
case("reshaped", [x], x.reshape(4, 6), [4, -1])
case("flattened", [x], x.reshape(2, 12), [1])
case("transposed", [x], x.swapaxes(0, 2), [0, 2])
case("permuted", [x], x.transpose(2, 0, 1), [2, 0, 1])
case("unsqueezed", [x], x[:, None], [1])
case("squeezed", [x[:, :1]], x[:, 0], [1])
case("expanded", [row], np.broadcast_to(row, (2, 3)), [2, 3])
case("slice", [x], x[:, :, 1:4:2], [2, 1, 4, 2])
case("indexed", [x, np.array([2, 0, 2])], x[:, [2, 0, 2]], [1])
picks = np.array([[[0, 3], [1, 1], [2, 0]], [[3, 2], [0, 1], [1, 2]]])
case("gathered", [x, picks], np.take_along_axis(x, picks, 2), [2])
case("concatenated", [a, b], np.concatenate([a, b], axis=1), [1])
case("stacked", [a, b], np.stack([a, b], axis=1), [1])
case("padded", [x], np.pad(x, [(0, 0), (0, 3), (1, 2)], constant_values=0.5), [0.5, 1, 2, 0, 3])
case("flipped", [x], x[:, ::-1, ::-1], [1, 2])
case("rolled", [x], np.roll(x, 3, axis=2), [3, 2])


# Layers, by the definition, pixel by pixel.
def convolution(x, w, bias, stride, padding, groups=1):
    x = np.pad(x, [(0, 0), (0, 0), (padding,) * 2, (padding,) * 2])
    n, c, h, width = x.shape
    out, per_group, kh, kw = w.shape
    oh, ow = (h - kh) // stride + 1, (width - kw) // stride + 1
    y = np.zeros((n, out, oh, ow))
    for i, o, r, s in product(range(n), range(out), range(oh), range(ow)):
        first = (o // (out // groups)) * per_group
        window = x[i, first:first + per_group, r * stride:r * stride + kh, s * stride:s * stride + kw]
        y[i, o, r, s] = (window * w[o]).sum() + bias[o]
    return y


def transposed_convolution(x, w, bias, stride, padding, extra):
    n, c, h, width = x.shape
    _, out, kh, kw = w.shape
    full = np.zeros((n, out, (h - 1) * stride + kh + extra, (width - 1) * stride + kw + extra))
    for i, k, r, s in product(range(n), range(c), range(h), range(width)):
        full[i, :, r * stride:r * stride + kh, s * stride:s * stride + kw] += x[i, k, r, s] * w[k]
    end = (full.shape[2] - padding, full.shape[3] - padding)
    return full[:, :, padding:end[0], padding:end[1]] + bias[None, :, None, None]


def pool(x, kernel, stride, padding, reduce, fill):
    x = np.pad(x, [(0, 0), (0, 0), (padding,) * 2, (padding,) * 2], constant_values=fill)
    oh, ow = (x.shape[2] - kernel) // stride + 1, (x.shape[3] - kernel) // stride + 1
    y = np.zeros(x.shape[:2] + (oh, ow))
    for r, s in product(range(oh), range(ow)):
        y[:, :, r, s] = reduce(x[:, :, r * stride:r * stride + kernel, s * stride:s * stride + kernel], axis=(2, 3))
    return y


def group_norm(x, groups, gamma, beta, eps):
    y = np.empty_like(x)
    per_group = x.shape[1] // groups
    for i, g in product(range(x.shape[0]), range(groups)):
        part = x[i, g * per_group:(g + 1) * per_group]
        y[i, g * per_group:(g + 1) * per_group] = (part - part.mean()) / np.sqrt(part.var() + eps)
    return y * gamma[None, :, None, None] + beta[None, :, None, None]


def bilinear(image, row, column):
    """Value of an (h, w) image at real pixel coordinates, zeros outside."""
    h, w = image.shape
    r0, s0 = int(np.floor(row)), int(np.floor(column))
    value = 0.0
    for r, s in product((r0, r0 + 1), (s0, s0 + 1)):
        if 0 <= r < h and 0 <= s < w:
            value += (1 - abs(row - r)) * (1 - abs(column - s)) * image[r, s]
    return value


def upsample(x, height, width):
    n, c, h, w = x.shape
    y = np.empty((n, c, height, width))
    for i, k, r, s in product(range(n), range(c), range(height), range(width)):
        row = min(max((r + 0.5) * h / height - 0.5, 0), h - 1)
        column = min(max((s + 0.5) * w / width - 0.5, 0), w - 1)
        y[i, k, r, s] = bilinear(x[i, k], row, column)
    return y


def affine_sample(x, theta):
    n, c, h, w = x.shape
    y = np.empty_like(x)
    for i, k, r, s in product(range(n), range(c), range(h), range(w)):
        point = np.array([(2 * s + 1) / w - 1, (2 * r + 1) / h - 1, 1])
        u, v = theta[i] @ point
        y[i, k, r, s] = bilinear(x[i, k], ((v + 1) * h - 1) / 2, ((u + 1) * w - 1) / 2)
    return y


images = draw(2, 4, 5, 6)
weight, bias = draw(4, 4, 3, 3), draw(4)
case("convolution2d", [images, weight, bias], convolution(images, weight, bias, 1, 1), [1, 1, 1])
case("convolution2d", [images, weight, bias], convolution(images, weight, bias, 2, 0), [2, 0, 1])
weight, bias = draw(6, 2, 3, 3), draw(6)
case("convolution2d", [images, weight, bias], convolution(images, weight, bias, 1, 1, 2), [1, 1, 2])
weight, bias = draw(4, 2, 3, 3), draw(2)
case("transposedConvolution2d", [images, weight, bias], transposed_convolution(images, weight, bias, 2, 1, 1), [2, 1, 1])
case("averagePool2d", [images], pool(images, 2, 2, 0, np.mean, 0), [2, 2, 0])
case("averagePool2d", [images], pool(images, 3, 2, 1, np.mean, 0), [3, 2, 1])
case("maxPool2d", [images], pool(images, 3, 2, 1, np.max, -np.inf), [3, 2, 1])
gamma, beta = draw(4), draw(4)
case("groupNorm", [images, gamma, beta], group_norm(images, 2, gamma, beta, 1e-5), [2, 1e-5])
case("instanceNorm", [images, gamma, beta], group_norm(images, 4, gamma, beta, 1e-5), [1e-5])
centred = (images - images.mean(axis=(0, 2, 3), keepdims=True)) / np.sqrt(
    images.var(axis=(0, 2, 3), keepdims=True) + 1e-5)
case("batchNorm", [images, gamma, beta], centred * gamma[:, None, None] + beta[:, None, None], [1e-5])
mean, variance = draw(4), draw(4, low=0.5, high=2)
frozen = (images - mean[:, None, None]) / np.sqrt(variance[:, None, None] + 1e-5)
case("batchNormFrozen", [images, gamma, beta, mean, variance],
     frozen * gamma[:, None, None] + beta[:, None, None], [1e-5])
case("normReluPool", [images, gamma, beta],
     pool(np.maximum(group_norm(images, 4, gamma, beta, 1e-5), 0), 2, 2, 0, np.mean, 0), [1e-5])
case("upsampled", [images], upsample(images, 7, 12), [7, 12])
case("upsampled", [images], upsample(images, 3, 4), [3, 4])
# Odd multiples of 2^-12, so that no sampled point falls on a pixel centre, where the slope jumps.
theta = np.array([[[3019, -1033, 517], [1025, 4607, -259]], [[5117, 509, 2051], [-1537, 3587, 1029]]]) / 4096
case("gridSample", [images, theta], affine_sample(images, theta))

json.dump({"made by": "Scripts/golden/tensors.py, NumPy " + np.__version__, "cases": cases}, sys.stdout)
print()
