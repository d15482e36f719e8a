"""safetensors, as NumPy arrays."""

import json
import sys

import numpy
import safetensors

import lines

lines.version(safetensors)
with safetensors.safe_open(sys.argv[1], framework="numpy") as file:
    description = json.loads(file.metadata()["description"])
    assert json.loads(file.metadata()["label_names"]) == description["label_names"]
    tensors = {name: file.get_tensor(name) for name in file.keys()}
    assert tensors["labels"].dtype == numpy.int64 and len(tensors["labels"]) == description["samples"]
    for place, label in enumerate(tensors["labels"]):
        picture = tensors["images"][place]
        if picture.dtype == numpy.uint8:
            lines.image(f"#{place}", "png", picture.transpose(1, 2, 0))
        else:
            lines.floats(f"#{place}", "npy", picture)
        lines.label(f"#{place}", label)
        if "soft_labels" in tensors:
            lines.floats(f"#{place}", "soft.npy", tensors["soft_labels"][place])
