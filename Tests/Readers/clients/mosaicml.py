"""mosaicml-streaming, which checks the hash of every shard."""

import sys
import tempfile

import streaming

import lines


def main():
    lines.version(streaming)
    with tempfile.TemporaryDirectory() as cache:
        dataset = streaming.StreamingDataset(
            remote=sys.argv[1], local=cache, validate_hash="sha256", shuffle=False, batch_size=1)
        for sample in (dataset[place] for place in range(len(dataset))):
            key = sample["key"]
            if hasattr(sample["image"], "mode"):
                lines.image(key, "png", sample["image"])
            else:
                lines.floats(key, "npy", sample["image"])
            lines.label(key, sample["label"])
            if "soft_label" in sample:
                lines.floats(key, "soft.npy", sample["soft_label"])
            if "metadata" in sample:
                lines.metadata(key, sample["metadata"])


if __name__ == "__main__":
    main()
