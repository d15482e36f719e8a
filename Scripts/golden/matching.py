#!/usr/bin/env python3
"""Writes fixtures/golden/matching.json: what gradient matching (DC, DSA, IDC) and KR-dual must compute, by PyTorch and POT.

Weights, images and points are `scatter`ed numbers, so that the tests make the same ones and the file holds results alone. Computed in float64. Of long results every n-th value is kept, and the length of all.

Gradient matching, for every network NAME (ConvNets as DC has them; weights as `filled` in architectures.py has them):
  "NAME loss SIDE"                 mean cross entropy of the batch; SIDE is "real" or "synthetic"
  "NAME gradient SIDE i"           its gradient at parameter i
  "NAME DISTANCE"                  distance of both gradients, the real one a constant
  "NAME DISTANCE images"           gradient of the distance at the synthetic images, thinned to 100
  "NAME DISTANCE length"           its length
Distances: "dc" as the code of DC and DSA has it; "mse", "l1" and "cosine" over the weights of convolutions, as the code of
IDC has them. "NAME formed ..." is the same with synthetic images that are formed by factor 2 first.

KR-dual, for every activation σ:
  "kr σ ..."                       f(x) = w2·σ(W1 x + b1) + b2: values, gradients of the dual mean f(x) - mean f(y), bounds
  "ascent σ k ..."                 after k steps of gradient ascent with learning rate 1e-3 and clipping to [-b, b]
  "fast σ ..."                     the same with learning rate 0.5, where the clipping decides
  "w1 n m d"                       exact W1 between clouds of n and m points in d dimensions, Euclidean costs

Usage: python3 Scripts/golden/matching.py > fixtures/golden/matching.json   (made with PyTorch 2.x, NumPy 2.x, POT 0.9.7)
"""
import math
import sys

import numpy as np
import ot
import torch
import torch.nn.functional as F

from waves import keep, scatter, write

torch.set_num_threads(1)


def kept(name, t):
    keep(name, t.detach().numpy())


def thinned(name, t, most):
    flat = t.detach().flatten()
    kept(name, flat[:: max(1, flat.numel() // most)])


# MARK: Gradient matching

class ConvNet:
    """[convolution 3x3, instance norm, ReLU, average pooling 2x2] x depth, and a linear classifier."""

    def __init__(self, channels, side, classes, maps, depth):
        self.depth, self.channels, self.side, self.classes = depth, channels, side, classes
        self.padding = 3 if (channels, side) == (1, 28) else 1
        rest = (side + 2 * self.padding - 2) // 2 ** depth
        shapes, inputs = [], channels
        for _ in range(depth):
            shapes += [(maps, inputs, 3, 3), (maps,), (maps,), (maps,)]
            inputs = maps
        shapes += [(classes, maps * rest * rest), (classes,)]
        self.parameters = []
        for index, shape in enumerate(shapes):
            if len(shape) > 1:
                values = scatter(shape, index, math.sqrt(6 / math.prod(shape[1:])))
            else:
                values = scatter(shape, index, 0.2, 1 if index < 4 * depth and index % 4 == 2 else 0)
            self.parameters.append(torch.tensor(values).double().requires_grad_())
        # Least distance of what went into a ReLU from its kink.
        self.margin = math.inf

    def __call__(self, x):
        for block in range(self.depth):
            weight, bias, scale, shift = self.parameters[4 * block:4 * block + 4]
            x = F.conv2d(x, weight, bias, padding=self.padding if block == 0 else 1)
            x = F.group_norm(x, x.shape[1], scale, shift)
            self.margin = min(self.margin, x.detach().abs().min().item())
            x = F.avg_pool2d(F.relu(x), 2)
        return F.linear(x.flatten(1), *self.parameters[-2:])


def dc(real, synthetic):
    """Sum over layers and outputs of 1 - cosine; biases, scales and shifts count nothing."""
    total = 0
    for r, s in zip(real, synthetic):
        if r.dim() > 1:
            r, s = r.flatten(1), s.flatten(1)
            total = total + (1 - (r * s).sum(1) / (r.norm(dim=1) * s.norm(dim=1) + 1e-6)).sum()
    return total


def convolutions(measure):
    """Sum over the layers whose gradients have four axes."""
    return lambda real, synthetic: sum(measure(r, s) for r, s in zip(real, synthetic) if r.dim() == 4)


DISTANCES = {
    "dc": dc,
    "mse": convolutions(lambda r, s: ((r - s) ** 2).sum()),
    "l1": convolutions(lambda r, s: (r - s).abs().sum()),
    "cosine": convolutions(lambda r, s: dc([r], [s])),
}


def formed(images, factor):
    """factor x factor tiles of every image, row by row, each enlarged to the size of the image: tile by tile, all images."""
    side = images.shape[2] // factor
    tiles = [images[:, :, r * side:(r + 1) * side, c * side:(c + 1) * side] for r in range(factor) for c in range(factor)]
    return F.interpolate(torch.cat(tiles), size=images.shape[2:], mode="bilinear", align_corners=False)


def matching(name, net, real, real_labels, synthetic, labels, factor=1, most=None):
    """Keeps everything of one pair of batches; `most`: values kept of a parameter's gradient."""
    decode = (lambda images: formed(images, factor)) if factor > 1 else (lambda images: images)
    labels = labels * factor ** 2

    def gradients(images, labels, **options):
        loss = F.cross_entropy(net(images), torch.tensor(labels))
        return loss, torch.autograd.grad(loss, net.parameters, **options)

    real_loss, target = gradients(real, real_labels)
    y = synthetic.clone().requires_grad_()
    loss, found = gradients(decode(y), labels, create_graph=True)
    sides = [("synthetic", loss, found)] if factor > 1 else [("real", real_loss, target), ("synthetic", loss, found)]
    for side, value, parts in sides:
        kept(f"{name} loss {side}", value)
        for index, part in enumerate(parts):
            title = f"{name} gradient {side} {index}"
            kept(title, part) if most is None else thinned(title, part, most)
    differences = torch.cat([(t - f).detach().flatten() for t, f in zip(target, found) if t.dim() == 4]).abs()
    for title, distance in DISTANCES.items():
        value = distance(target, found)
        gradient, = torch.autograd.grad(value, y, retain_graph=True)
        kept(f"{name} {title}", value)
        thinned(f"{name} {title} images", gradient, 100)
        kept(f"{name} {title} length", gradient.norm())
        # Differences of the distance agree with its gradient.
        direction = torch.tensor(scatter(y.shape, 77)).double()
        step = 1e-6
        ends = [distance(target, gradients(decode(synthetic + sign * step * direction), labels)[1]) for sign in (1, -1)]
        slope, expected = (ends[0] - ends[1]) / (2 * step), (gradient * direction).sum()
        assert abs(slope - expected) < 1e-4 * gradient.norm(), (name, title, slope.item(), expected.item())
    kink = (differences.min() / differences.pow(2).mean().sqrt()).item()
    print(f"{name}: nearest ReLU {net.margin:.1e}, nearest difference {kink:.1e}", file=sys.stderr)
    # Else float32 would fall on the other side of a kink, here and there.
    assert net.margin > MARGIN and kink > MARGIN, name


MARGIN = 1e-5
# Name, ConvNet, images of both sides, labels of both sides, seed of the images, values kept of a gradient.
for name, shape, real_labels, labels, seed, most in [
    ("one class", (3, 16, 3, 6, 2), [1] * 5, [1] * 3, 5108, None),
    ("all classes", (3, 16, 3, 6, 2), [0, 1, 2, 0, 1], [2, 0, 1], 5068, 40),
    ("grey", (1, 28, 2, 4, 3), [0] * 4, [0] * 2, 5060, 12),
    ("wide", (3, 32, 2, 32, 3), [1] * 3, [1], 5048, 12),
]:
    for factor in (1, 2):
        net = ConvNet(*shape)
        size = (net.channels, net.side, net.side)
        matching(
            name if factor == 1 else name + " formed", net, torch.tensor(scatter((len(real_labels), *size), seed)).double(),
            real_labels, torch.tensor(scatter((len(labels), *size), seed + 1)).double(), labels, factor, most)


# MARK: KR-dual

ACTIVATIONS = {
    "tanh": torch.tanh,
    "relu": F.relu,
    "leaky-relu 0.01": lambda x: F.leaky_relu(x, 0.01),
    "leaky-relu 0.2": lambda x: F.leaky_relu(x, 0.2),
}
HIDDEN, DIMENSION = 6, 5
x, y = torch.tensor(scatter((7, DIMENSION), 1)).double(), torch.tensor(scatter((4, DIMENSION), 2, 1.5)).double()
PARTS = ["W1", "b1", "w2", "b2"]


def start():
    """W1 (hidden, dimension), b1 (hidden), w2 (hidden), b2 (1): of [-0.4, 0.4)."""
    shapes = [(HIDDEN, DIMENSION), (HIDDEN,), (HIDDEN,), (1,)]
    return [torch.tensor(scatter(shape, 10 + i, 0.4)).double().requires_grad_() for i, shape in enumerate(shapes)]


def potential(parameters, activation, points):
    W1, b1, w2, b2 = parameters
    return activation(F.linear(points, W1, b1)) @ w2 + b2


def dual(parameters, activation, x, y):
    return potential(parameters, activation, x).mean() - potential(parameters, activation, y).mean()


def lemma(b):
    """Lemma 1 of KR-dual: b² √(m1 n1 m2 n2) for a 1-Lipschitz activation."""
    return b ** 2 * math.sqrt(HIDDEN * DIMENSION * 1 * HIDDEN)


def frobenius(parameters):
    return (parameters[0].norm() * parameters[2].norm()).item()


def w1(x, y):
    """Exact W1 of equally weighted points."""
    return ot.emd2(ot.unif(len(x)), ot.unif(len(y)), ot.dist(np.asarray(x), np.asarray(y), metric="euclidean"), numItermax=10**6)


exact = w1(x, y)
keep("kr w1", exact)
for name, activation in ACTIVATIONS.items():
    parameters, points = start(), [x.clone().requires_grad_(), y.clone().requires_grad_()]
    kept(f"kr {name} values x", potential(parameters, activation, x))
    kept(f"kr {name} values y", potential(parameters, activation, y))
    value = dual(parameters, activation, *points)
    kept(f"kr {name} dual", value)
    for part, gradient in zip(PARTS + ["x", "y"], torch.autograd.grad(value, parameters + points)):
        kept(f"kr {name} gradient {part}", gradient)
    keep(f"kr {name} frobenius", frobenius(parameters))
    keep(f"kr {name} lemma", lemma(0.4))
    assert value.item() <= frobenius(parameters) * exact

    for kind, rate, b, steps in [("ascent", 1e-3, 0.39, 5), ("fast", 0.5, 0.45, 5)]:
        parameters = start()
        for step in range(1, steps + 1):
            gradients = torch.autograd.grad(dual(parameters, activation, x, y), parameters)
            parameters = [
                (p.detach() + rate * g).clamp(-b, b).requires_grad_() for p, g in zip(parameters, gradients)]
            for part, p in zip(PARTS, parameters):
                kept(f"{kind} {name} {step} {part}", p)
            value = dual(parameters, activation, x, y)
            kept(f"{kind} {name} {step} dual", value)
            keep(f"{kind} {name} {step} frobenius", frobenius(parameters))
            assert value.item() <= frobenius(parameters) * exact and frobenius(parameters) <= lemma(b) * (1 + 1e-12)
        inputs = [p.clone().requires_grad_() for p in (x, y)]
        gradient = torch.autograd.grad(dual(parameters, activation, *inputs), inputs)[1]
        kept(f"{kind} {name} gradient y", gradient)

for n, m, d in [(7, 4, 5), (12, 5, 3), (30, 30, 4), (1, 6, 2), (9, 2, 16), (40, 10, 32)]:
    keep(f"w1 {n} {m} {d}", w1(scatter((n, d), 1).astype(float), scatter((m, d), 2, 1.5).astype(float)))

write()
