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

KR-dual, a potential f(x) = w2·ReLU(W1 x + b1), and the dual mean f(x) - mean f(y):
  "kr ..."                         values, the dual, its gradients, |W1| |w2|
  "ascent k ..."                   after k steps of Adam that raise the dual of points centred between the means, all parameters
                                   brought back into [-b, b] after each
  "ascent DM"                      how many times longer DM's gradient at y is than that of the dual
  "turns k ..."                    the ascent, each step on the first 3 points of x or the other 4, in turn, and all of y
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

HIDDEN, DIMENSION, BOUND, RATE = 6, 5, 0.02, 1e-3
PARTS = ["W1", "b1", "w2"]


def start(scale):
    """W1 (hidden, dimension), b1 (hidden), w2 (hidden)."""
    shapes = [(HIDDEN, DIMENSION), (HIDDEN,), (HIDDEN,)]
    return [torch.tensor(scatter(shape, 20 + i, scale)).double().requires_grad_() for i, shape in enumerate(shapes)]


def potential(parameters, points):
    W1, b1, w2 = parameters
    return F.relu(F.linear(points, W1, b1)) @ w2


def dual(parameters, x, y):
    return potential(parameters, x).mean() - potential(parameters, y).mean()


def frobenius(parameters):
    return (parameters[0].norm() * parameters[2].norm()).item()


def w1(x, y):
    """Exact W1 of equally weighted points."""
    cost = ot.dist(np.asarray(x, dtype=float), np.asarray(y, dtype=float), metric="euclidean")
    return ot.emd2(ot.unif(len(x)), ot.unif(len(y)), cost, numItermax=10**6)


x, y = torch.tensor(scatter((7, DIMENSION), 1)).double(), torch.tensor(scatter((4, DIMENSION), 2, 1.5)).double()
exact = w1(x, y)
parameters, points = start(0.4), [x.clone().requires_grad_(), y.clone().requires_grad_()]
kept("kr values x", potential(parameters, x))
kept("kr values y", potential(parameters, y))
kept("kr dual", dual(parameters, *points))
for part, gradient in zip("xy", torch.autograd.grad(dual(parameters, *points), points)):
    kept(f"kr gradient {part}", gradient)
keep("kr bound", frobenius(parameters))
assert dual(parameters, x, y).item() <= frobenius(parameters) * exact

centre = (x.mean(0) + y.mean(0)) / 2
x, y = x - centre, y - centre
for name, batches in [("ascent", [x]), ("turns", [x[:3], x[3:]])]:
    parameters, nearest = start(BOUND / 10), math.inf
    adam = torch.optim.Adam(parameters, lr=RATE, maximize=True)
    for step in range(1, 101):
        batch = batches[(step - 1) % len(batches)]
        adam.zero_grad()
        dual(parameters, batch, y).backward()
        hidden = F.linear(torch.cat([batch, y]), *parameters[:2]).detach().abs()
        nearest = min(nearest, (hidden.min() / hidden.max()).item())
        if step == 1:
            # The first step of Adam goes by signs.
            nearest = min([nearest] + [(p.grad[p.grad != 0].abs().min() / p.grad.norm()).item() for p in parameters])
        adam.step()
        with torch.no_grad():
            for p in parameters:
                p.clamp_(-BOUND, BOUND)
        value = dual(parameters, x, y)
        assert value.item() <= frobenius(parameters) * exact
        assert frobenius(parameters) <= BOUND ** 2 * math.sqrt(HIDDEN * DIMENSION * HIDDEN)
        if step in (1, 2, 3, 10, 100):
            for part, p in zip(PARTS, parameters):
                kept(f"{name} {step} {part}", p)
            kept(f"{name} {step} dual", value)
    print(f"{name}: nearest kink or change of sign {nearest:.1e}", file=sys.stderr)
    assert nearest > 1e-5
    if name == "ascent":
        points = y.clone().requires_grad_()
        found, = torch.autograd.grad(dual(parameters, x, points), points)
        wanted, = torch.autograd.grad((x.mean(0) - points.mean(0)).pow(2).sum(), points)
        kept("ascent DM", wanted.norm() / found.norm())

for n, m, d in [(7, 4, 5), (12, 5, 3), (30, 30, 4), (1, 6, 2), (9, 2, 16), (40, 10, 32)]:
    keep(f"w1 {n} {m} {d}", w1(scatter((n, d), 1), scatter((m, d), 2, 1.5)))

write()
