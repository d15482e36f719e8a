"""litdata, of an export to MDS."""

import sys

import litdata

import lines


def main():
    lines.version(litdata)
    dataset = litdata.StreamingDataset(input_dir=sys.argv[1], item_loader=None, shuffle=False)
    for place in range(len(dataset)):
        sample = dataset[place]
        key = sample["key"]
        picture = sample["image"]
        if hasattr(picture, "mode"):
            lines.image(key, "png", picture)
        elif str(picture.dtype).endswith("uint8"):
            lines.image(key, "png", picture.numpy().transpose(1, 2, 0))
        else:
            lines.floats(key, "npy", picture)
        lines.label(key, sample["label"])
        if "soft_label" in sample:
            lines.floats(key, "soft.npy", sample["soft_label"])
        if "metadata" in sample:
            lines.metadata(key, sample["metadata"])


if __name__ == "__main__":
    main()
