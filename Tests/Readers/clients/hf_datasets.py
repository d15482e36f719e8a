"""Hugging Face datasets, which infers everything from the folder; `streaming` or `whole`."""

import os
import sys

import datasets

import lines

lines.version(datasets)
datasets.disable_progress_bars()
found = datasets.load_dataset(sys.argv[1], streaming=sys.argv[2] == "streaming")
assert list(found) == ["train"], f"splits {list(found)}"
for sample in found["train"]:
    if "__key__" in sample:
        key = sample["__key__"]
        for field, value in sample.items():
            if field.endswith("npy"):
                lines.floats(key, field, value, exact=False)
            else:
                lines.fields(key, {field: value})
    else:
        # An ImageFolder.
        key = os.path.basename(sample["image"].filename).split(".")[0]
        lines.image(key, "png", sample["image"])
        lines.label(key, sample["label"])
