#!/usr/bin/env python3
"""Writes fixtures/golden/networks.json: what the autoencoder and the attention must compute, by PyTorch.

Weights and inputs are waves sin(a·i + b), so that the tests make the same ones and the file holds results alone.
Usage: python3 Scripts/golden/networks.py > fixtures/golden/networks.json   (made with PyTorch 1.13)
"""

import numpy as np
import torch
import torch.nn.functional as F

import waves

torch.set_num_threads(1)


def wave(shape, a, b, scale=1.0):
    return torch.tensor(waves.wave(shape, a, b, scale))


def keep(name, tensor):
    waves.keep(name, tensor.detach())


PLAIN, HALF, ADDED = range(3)


class Weights:
    """The parameters in the order of the program: the i-th is a wave of its own."""

    def __init__(self):
        self.index = 0

    def next(self, *shape):
        self.index += 1
        return wave(shape, 0.7 + 0.01 * (self.index - 1), 0.3 * (self.index - 1), 0.2)


def autoencoder(x, layers, latent, variational):
    """`layers`: (outputs, what it does), first to last: HALF halves the size, ADDED is added to what goes in."""
    weights, (n, channels, height, width) = Weights(), x.shape
    halvings = sum(kind == HALF for _, kind in layers)
    side = 2 ** halvings
    padded = (-(-height // side) * side, -(-width // side) * side)
    top, left = (padded[0] - height) // 2, (padded[1] - width) // 2
    maps = F.pad(x, (left, padded[1] - width - left, top, padded[0] - height - top))
    inputs = channels
    for outputs, kind in layers:
        filters, bias = weights.next(outputs, inputs, 3, 3), weights.next(outputs)
        result = F.silu(F.conv2d(maps, filters, bias, 2 if kind == HALF else 1, 1))
        maps = maps + result if kind == ADDED else result
        inputs = outputs
    shape = maps.shape[1:]
    count = int(np.prod(shape))
    codes = 2 * latent if variational else latent
    code = F.linear(maps.flatten(1), weights.next(codes, count), weights.next(codes))
    # The linear way sees images of at most 32 pixels a side.
    seen = F.pad(x, (left, padded[1] - width - left, top, padded[0] - height - top))
    while max(seen.shape[2:]) > 32:
        seen = F.avg_pool2d(seen, 2)
    values = seen[0].numel()
    code[:, :latent] += seen.flatten(1) @ weights.next(latent, values).T
    y = code[:, :latent]
    maps = F.silu(F.linear(y, weights.next(count, latent), weights.next(count))).reshape(n, *shape)
    linear = (y @ weights.next(values, latent).T).reshape(seen.shape)
    linear = F.interpolate(linear, size=padded, mode="bilinear", align_corners=False)
    before = [channels] + [outputs for outputs, _ in layers]
    for index in reversed(range(len(layers))):
        outputs, (inputs, kind) = before[index], layers[index]
        before_it = maps
        if kind == HALF:
            maps = F.conv2d(maps, weights.next(4 * outputs, inputs, 3, 3), weights.next(4 * outputs), 1, 1)
            # pixel_shuffle wants the four pixels innermost.
            maps = maps.reshape(n, 4, outputs, *maps.shape[2:]).transpose(1, 2).flatten(1, 2)
            maps = F.pixel_shuffle(maps, 2)
        else:
            maps = F.conv2d(maps, weights.next(outputs, inputs, 3, 3), weights.next(outputs), 1, 1)
        if index > 0:
            maps = F.silu(maps)
        if kind == ADDED:
            maps = before_it + maps
    maps = maps + linear
    return code, maps[:, :, top:top + height, left:left + width]


for name, shape, layers, variational in [
    ("shallow", (2, 3, 16, 16), [(4, PLAIN), (8, HALF), (8, PLAIN), (16, HALF), (16, HALF)], False),
    ("medium grey", (2, 1, 13, 10),
     [(4, PLAIN), (8, HALF), (8, PLAIN), (16, HALF), (16, ADDED), (16, HALF), (16, ADDED)], False),
    ("shallow, large", (1, 1, 34, 33), [(4, PLAIN), (8, HALF), (8, PLAIN), (16, HALF), (16, HALF)], False),
    ("deep variational", (2, 3, 16, 16),
     [(4, PLAIN), (8, HALF), (8, PLAIN), (8, ADDED), (16, HALF), (16, ADDED), (16, ADDED), (16, HALF), (16, ADDED)], True),
]:
    code, images = autoencoder(wave(shape, 0.13, 0.5), layers, 6, variational)
    keep(name + " code", code)
    keep(name + " images", images)

tokens = wave((2, 5, 8), 0.61, 0.2)
query, key, value, output = (wave((8, 8), 0.7 + 0.01 * i, 0.3 * i, 0.3) for i in range(4))
attention = torch.nn.MultiheadAttention(8, 2, bias=False, batch_first=True, dtype=torch.float64)
with torch.no_grad():
    attention.in_proj_weight.copy_(torch.cat([query, key, value]))
    attention.out_proj.weight.copy_(output)
seen, weights = attention(tokens, tokens, tokens, average_attn_weights=False)
keep("attention", tokens + seen)
keep("attention weights", weights)

waves.write()
