"""TensorFlow's reader of TFRecord files, which checks both checksums of every record."""

import glob
import json
import os
import sys

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import tensorflow as tf

import lines

lines.version(tf)
with open(sys.argv[1] + "/description.json") as file:
    described = json.load(file)["fields"]
TYPES = {"bytes": tf.string, "int64": tf.int64, "float": tf.float32}
features = {
    name: tf.io.FixedLenFeature(field.get("shape", []), TYPES[field["type"]]) for name, field in described.items()
}
paths = sorted(glob.glob(sys.argv[1] + "/*.tfrecord-*"))
assert paths and all(path.endswith(f"-{number:05}-of-{len(paths):05}") for number, path in enumerate(paths)), paths
for record in tf.data.TFRecordDataset(paths):
    sample = tf.io.parse_single_example(record, features)
    key = sample["key"].numpy().decode()
    if sample["image"].dtype == tf.string:
        lines.image(key, "png", tf.io.decode_image(sample["image"]).numpy())
    else:
        lines.floats(key, "npy", sample["image"].numpy())
    lines.label(key, sample["label"])
    if "soft_label" in sample:
        lines.floats(key, "soft.npy", sample["soft_label"].numpy())
    if "metadata" in sample:
        lines.metadata(key, sample["metadata"].numpy())
