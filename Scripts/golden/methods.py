#!/usr/bin/env python3
"""Writes fixtures/golden/methods.json: what networks and methods must compute, by NumPy and PyTorch.

Inputs are waves sin(a·i + b), so that the tests make the same ones and the file holds results alone. Kernel losses,
formation and enlargement are written out in NumPy; the network, sampling, gradients and training are PyTorch's.
Usage: python3 Scripts/golden/methods.py > fixtures/golden/methods.json   (made with PyTorch 2.x, NumPy 2.x)
"""
import sys

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

from waves import keep, wave, write

torch.manual_seed(0)
torch.set_num_threads(1)


# ConvNet, as the DM reference describes it.
class ConvNet(nn.Module):
    def __init__(self, channels, height, width, classes, filters, depth):
        super().__init__()
        layers, inputs = [], channels
        first = 3 if channels == 1 and height == 28 and width == 28 else 1
        side = (height + 2 * first - 2, width + 2 * first - 2)
        for block in range(depth):
            layers += [nn.Conv2d(inputs, filters, 3, padding=first if block == 0 else 1),
                       nn.GroupNorm(filters, filters, affine=True), nn.ReLU(), nn.AvgPool2d(2)]
            inputs, side = filters, (side[0] // 2, side[1] // 2)
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Linear(filters * side[0] * side[1], classes)
        # Weights and biases are waves; the norm's scale is near 1 and its shift near 0.
        with torch.no_grad():
            for index, p in enumerate(self.parameters()):
                norm = index % 4 in (2, 3) and index < 4 * depth
                values = wave(p.shape, 0.7 + 0.01 * index, 0.3 * index, 0.2)
                p.copy_(torch.tensor(values + (1 if norm and index % 4 == 2 else 0), dtype=torch.float32))

    def embed(self, x):
        return self.features(x).flatten(1)

    def forward(self, x):
        return self.classifier(self.embed(x))


def tensor(array, **options):
    return torch.tensor(array, dtype=torch.float32, **options)


print("parameters", sum(p.numel() for p in ConvNet(3, 32, 32, 10, 128, 3).parameters()), file=sys.stderr)

colour = ConvNet(3, 32, 32, 10, 4, 3)
x = tensor(wave((2, 3, 32, 32), 0.013, 0.5))
keep("convnet colour embedding", colour.embed(x).detach())
keep("convnet colour logits", colour(x).detach())
grey = ConvNet(1, 28, 28, 10, 4, 3)
x = tensor(wave((2, 1, 28, 28), 0.017, 0.1))
keep("convnet grey embedding", grey.embed(x).detach())
keep("convnet grey logits", grey(x).detach())
odd = ConvNet(2, 13, 10, 3, 4, 2)
x = tensor(wave((2, 2, 13, 10), 0.11, 0.2))
keep("convnet odd logits", odd(x).detach())

# DM and M3D on real embeddings: losses and image gradients.
small = ConvNet(3, 16, 16, 4, 6, 2)
real, fake = wave((5, 3, 16, 16), 0.031, 0.0), wave((3, 3, 16, 16), 0.043, 1.0)


def squared_distances(a, b):
    return ((a[:, None, :] - b[None, :, :]) ** 2).sum(-1)


def mixture(a, b):
    both = torch.cat([a, b])
    d = squared_distances(both, both)
    n = len(both)
    b_ = (d.detach().sum() / (n * n - n))
    k = sum(torch.exp(-d / (2.0 ** e * b_)) for e in range(-2, 3))
    m = len(a)
    return k[:m, :m].mean() + k[m:, m:].mean() - 2 * k[:m, m:].mean()


double = ConvNet(3, 16, 16, 4, 6, 2).double()
for name, loss in [("dm", lambda a, b: ((a.mean(0) - b.mean(0)) ** 2).sum()), ("m3d", mixture)]:
    y = torch.tensor(fake, requires_grad=True)
    value = loss(double.embed(torch.tensor(real)), double.embed(y))
    value.backward()
    keep(name + " loss", value.detach())
    keep(name + " gradient", y.grad[0, 0])
    keep(name + " gradient norm", y.grad.norm())

# Kernel losses in NumPy alone.
X, Y = wave((6, 5), 0.9, 0.0, 2.0), wave((4, 5), 1.3, 0.4, 1.5)


def np_distances(a, b):
    return ((a[:, None, :] - b[None, :, :]) ** 2).sum(-1)


Z = np.concatenate([X, Y])
bandwidth = np_distances(Z, Z).sum() / (len(Z) ** 2 - len(Z))
kernels = {
    "gaussianMixture": lambda a, b: sum(np.exp(-np_distances(a, b) / (2.0 ** k * bandwidth)) for k in range(-2, 3)),
    "gaussian": lambda a, b: np.exp(-np_distances(a, b) / bandwidth),
    "gaussian 0.05": lambda a, b: np.exp(-0.05 * np_distances(a, b)),
    "linear": lambda a, b: a @ b.T,
    "polynomial": lambda a, b: (a @ b.T + 1) ** 2,
}
for name, k in kernels.items():
    keep("mmd " + name, k(X, X).mean() - 2 * k(X, Y).mean() + k(Y, Y).mean())
keep("bandwidth", bandwidth)

# Enlargement and formation in NumPy.


def enlarge(image, height, width):
    h, w = image.shape[-2:]
    rows = np.clip((np.arange(height) + 0.5) * h / height - 0.5, 0, None)
    columns = np.clip((np.arange(width) + 0.5) * w / width - 0.5, 0, None)
    r0, c0 = np.floor(rows).astype(int), np.floor(columns).astype(int)
    r1, c1 = np.minimum(r0 + 1, h - 1), np.minimum(c0 + 1, w - 1)
    fr, fc = (rows - r0)[:, None], (columns - c0)[None, :]
    at = lambda r, c: image[..., r[:, None], c[None, :]]
    return (1 - fr) * ((1 - fc) * at(r0, c0) + fc * at(r0, c1)) + fr * ((1 - fc) * at(r1, c0) + fc * at(r1, c1))


def decode(images, factor):
    n, c, h, w = images.shape
    th, tw = -(-h // factor), -(-w // factor)
    canvas = np.full((n, c, th * factor, tw * factor), 0.5)
    canvas[:, :, :h, :w] = images
    tiles = [canvas[:, :, r * th:(r + 1) * th, k * tw:(k + 1) * tw] for r in range(factor) for k in range(factor)]
    return enlarge(np.concatenate(tiles), h, w)


images = wave((2, 2, 7, 8), 0.37, 0.2, 0.5) + 0.5
keep("formation 2", decode(images, 2))
keep("formation 3", decode(images, 3))

# Sampling: rotation by 10 degrees, unequal scale.
x = tensor(wave((2, 2, 9, 8), 0.29, 0.7))
angle = np.deg2rad(10)
for name, theta in [("rotate", [[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0]]),
                    ("scale", [[1.1, 0, 0], [0, 0.9, 0]])]:
    theta = tensor(theta).expand(2, 2, 3)
    keep("sample " + name, F.grid_sample(x, F.affine_grid(theta, list(x.shape), align_corners=False),
                                         align_corners=False))

# Training: five full-batch passes as the evaluation of DC, DSA and DM makes them with Epoch = 4.
net = ConvNet(3, 8, 8, 3, 4, 2)
x, y = tensor(wave((6, 3, 8, 8), 0.19, 0.3)), torch.tensor([0, 0, 1, 1, 2, 2])
rate = 0.01
sgd = torch.optim.SGD(net.parameters(), lr=rate, momentum=0.9, weight_decay=5e-4)
for epoch in range(5):
    sgd.zero_grad()
    loss = F.cross_entropy(net(x), y)
    loss.backward()
    sgd.step()
    if epoch == 4 // 2 + 1:
        rate *= 0.1
        sgd = torch.optim.SGD(net.parameters(), lr=rate, momentum=0.9, weight_decay=5e-4)
keep("training loss", loss.detach())
keep("training logits", net(x).detach())

# Trajectories: epochs of two batches, all of them the same image; momentum begins empty in each epoch.
net = ConvNet(3, 8, 8, 3, 4, 2)
pixels = np.round(127.5 + 100 * wave((1, 3, 8, 8), 0.19, 0.3))
x, y = tensor((pixels / 255 - 0.5) / 0.25), torch.tensor([1])
for epoch in range(1, 4):
    sgd = torch.optim.SGD(net.parameters(), lr=0.02, momentum=0.9, weight_decay=5e-4)
    for batch in range(2):
        sgd.zero_grad()
        F.cross_entropy(net(x.expand(2, 3, 8, 8)), y.expand(2)).backward()
        sgd.step()
    keep("trajectory logits %d" % epoch, net(x).detach())

write()
