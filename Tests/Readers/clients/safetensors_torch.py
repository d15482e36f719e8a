"""safetensors, as torch tensors, which have to be aligned."""

import sys

import safetensors
import safetensors.torch
import torch

import lines

lines.version(safetensors, torch)
tensors = safetensors.torch.load_file(sys.argv[1])
assert tensors["labels"].dtype == torch.int64
for place in range(len(tensors["labels"])):
    picture = tensors["images"][place].numpy()
    if tensors["images"].dtype == torch.uint8:
        lines.image(f"#{place}", "png", picture.transpose(1, 2, 0))
    else:
        lines.floats(f"#{place}", "npy", picture)
    lines.label(f"#{place}", tensors["labels"][place])
    if "soft_labels" in tensors:
        lines.floats(f"#{place}", "soft.npy", tensors["soft_labels"][place].numpy())
