#!/usr/bin/env python3
"""Writes fixtures/golden/formations.json: the training images that formations make of stored ones, by PyTorch.

Written after IDC's description (Kim et al., ICML 2022, §3.2 and appendix D): pad at the right and the bottom, cut, enlarge
bilinearly without aligned corners. Images of all scales come scale by scale, tiles row by row.
Usage: python3 Scripts/golden/formations.py > fixtures/golden/formations.json   (made with PyTorch 2.x, NumPy 2.x)
"""
import torch
import torch.nn.functional as F

from waves import keep, wave, write


def cut(images, rows, columns, padding):
    height, width = images.shape[2:]
    padded = F.pad(images, (0, -width % columns, 0, -height % rows), value=padding)
    tiles = [tile for band in padded.chunk(rows, 2) for tile in band.chunk(columns, 3)]
    return F.interpolate(torch.cat(tiles), (height, width), mode="bilinear", align_corners=False)


def formed(images, kind, factor):
    if kind == "time":
        return cut(images, 1, factor, 0.0)
    scales = range(1, factor + 1) if kind == "multi" else [factor]
    return torch.cat([cut(images, scale, scale, 0.5) for scale in scales])


for kind, factor, shape in [
    ("uniform", 2, (2, 2, 7, 8)), ("uniform", 4, (1, 1, 13, 14)), ("uniform", 5, (1, 1, 13, 14)),
    ("multi", 1, (2, 2, 7, 8)), ("multi", 2, (2, 2, 7, 8)), ("multi", 3, (2, 2, 7, 8)), ("multi", 5, (1, 1, 13, 14)),
    ("time", 1, (2, 2, 4, 13)), ("time", 2, (2, 2, 4, 13)), ("time", 3, (2, 2, 4, 13)), ("time", 4, (2, 2, 4, 13)),
    ("time", 5, (2, 2, 4, 13)),
]:
    images = torch.tensor(wave(shape, 0.37, 0.2, 0.5) + 0.5, dtype=torch.float64)
    keep(f"{kind} {factor}", formed(images, kind, factor))

write()
