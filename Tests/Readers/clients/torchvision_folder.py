"""torchvision's ImageFolder."""

import json
import os
import sys

import torchvision

import lines

lines.version(torchvision)
dataset = torchvision.datasets.ImageFolder(sys.argv[1] + "/train")
with open(sys.argv[1] + "/class_to_idx.json") as file:
    assert json.load(file) == dataset.class_to_idx, dataset.class_to_idx
for (path, target), (picture, label) in zip(dataset.samples, dataset):
    key = os.path.basename(path).split(".")[0]
    lines.image(key, "png", picture)
    assert target == label
    lines.label(key, label)
