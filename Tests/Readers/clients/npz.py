"""NumPy, of an npz."""

import json
import sys

import numpy

import lines

lines.version(numpy)
with numpy.load(sys.argv[1], allow_pickle=False) as arrays:
    description = json.loads(arrays["description.json"])
    samples = [json.loads(text) for text in arrays["samples.jsonl"].decode().splitlines()]
    assert description["samples"] == len(samples) == len(arrays["images"]) == len(arrays["labels"])
    assert arrays["labels"].dtype == numpy.int64
    images = arrays["images"]
    for place, sample in enumerate(samples):
        key = sample["key"]
        picture = images[place]
        if picture.dtype == numpy.uint8:
            lines.image(key, "png", picture.transpose(1, 2, 0))
        else:
            lines.floats(key, "npy", picture)
        lines.label(key, arrays["labels"][place])
        if "soft_labels" in arrays:
            lines.floats(key, "soft.npy", arrays["soft_labels"][place])
        if "json" in sample:
            lines.metadata(key, sample["json"])
