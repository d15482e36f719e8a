#!/usr/bin/env python3
"""Writes an image dataset of Hugging Face as a WebDataset stream, which pipe reads.

    python from_huggingface.py cifar10 | pipe condense | pipe shard
    python from_huggingface.py train-00000-of-00001.parquet | pipe shard -o photos

The argument is the name of a dataset on the Hub (needs `pip install datasets`), or files in the Parquet format that were
downloaded from there (need only `pip install pyarrow`). Images are passed on as the files that they are; the names of the
classes, and their order, travel with them.
"""
import argparse
import io
import json
import os
import sys
import tarfile

LABELS = ["label", "labels", "fine_label", "class", "target"]


def rows_of_files(paths):
    """Column names, class names by column, and the rows of Parquet files; class names stand in the schema, as `datasets` writes it."""
    import pyarrow.parquet
    schema = pyarrow.parquet.read_schema(paths[0])
    features = json.loads((schema.metadata or {}).get(b"huggingface", b"{}")).get("info", {}).get("features", {})

    def rows():
        for path in paths:
            for batch in pyarrow.parquet.ParquetFile(path).iter_batches(256):
                yield from batch.to_pylist()
    images = [field.name for field in schema if str(field.type).startswith("struct<bytes")]
    return images, {name: f.get("names") for name, f in features.items() if f.get("_type") == "ClassLabel"}, schema.names, rows()


def rows_of_dataset(name, config, split):
    """The same of a dataset on the Hub, which is streamed."""
    import datasets
    data = datasets.load_dataset(name, config, split=split, streaming=True)
    images = [key for key, feature in data.features.items() if isinstance(feature, datasets.Image)]
    for key in images:
        data = data.cast_column(key, datasets.Image(decode=False))
    names = {key: f.names for key, f in data.features.items() if isinstance(f, datasets.ClassLabel)}
    return images, names, list(data.features), iter(data)


def one(found, option, what):
    """The one column that may be meant."""
    if len(found) != 1:
        sys.exit(f"from_huggingface: the {what} may be any of {', '.join(found) or 'no column'}; name it with {option}")
    return found[0]


def image_file(value):
    """The ending and the bytes of an image."""
    data = value if isinstance(value, bytes) else value["bytes"] or open(value["path"], "rb").read()
    kinds = {b"\xff\xd8\xff": "jpg", b"\x89PNG": "png", b"GIF8": "gif", b"BM": "bmp", b"II*\0": "tiff", b"MM\0*": "tiff"}
    kind = "webp" if data[8:12] == b"WEBP" else next((kind for start, kind in kinds.items() if data.startswith(start)), None)
    if kind is None:
        sys.exit(f"from_huggingface: an image of a kind that is not known: it starts with {data[:8].hex(' ')}")
    return kind, data


def label_text(value):
    """A class index or a class's name; anything else is no label."""
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        sys.exit(f"from_huggingface: the label {value!r} is neither a number nor a name; choose another column with --label")
    return str(value).encode()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", nargs="+", help="a dataset's name, or Parquet files")
    parser.add_argument("--config", help="which configuration of the dataset")
    parser.add_argument("--split", default="train")
    parser.add_argument("--image", help="column of the image")
    parser.add_argument("--label", help="column of the label")
    options = parser.parse_args()
    if sys.stdout.isatty():
        sys.exit("from_huggingface: a dataset does not belong on a terminal; add | pipe shard -o FOLDER")

    if all(os.path.isfile(path) for path in options.source):
        images, names, columns, rows = rows_of_files(options.source)
    else:
        images, names, columns, rows = rows_of_dataset(options.source[0], options.config, options.split)
    image = options.image or one(images, "--image", "image")
    label = options.label or one(list(names) or [c for c in columns if c in LABELS], "--label", "label")

    # An exception leaves the stream without its end, so that pipe does not take it for whole.
    with tarfile.open(fileobj=sys.stdout.buffer, mode="w|", format=tarfile.USTAR_FORMAT) as tar:
        def write(name, data):
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
        if names.get(label):
            write("__dataset__/classes.txt", "".join(" ".join(name.split()) + "\n" for name in names[label]).encode())
        for number, row in enumerate(rows):
            ending, data = image_file(row[image])
            write(f"{number:09d}.{ending}", data)
            write(f"{number:09d}.cls", label_text(row[label]))


if __name__ == "__main__":
    main()
