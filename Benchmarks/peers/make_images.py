#!/usr/bin/env python3
"""Makes what the streaming rows read: archives of images, by other people's means (numpy, Pillow, tarfile, webdataset)."""

import argparse
import io
import json
import pathlib
import tarfile

import numpy as np
from PIL import Image

SIDE = 32
RECORD = 1 + 3 * SIDE * SIDE


def add(tar, name, data):
    info = tarfile.TarInfo(name)
    info.size = len(data)
    tar.addfile(info, io.BytesIO(data))


def drawn(count, height, width, seed):
    """Soft coloured spots with a little noise, which compress about as photographs do; uint8, count x 3 x height x width."""
    random = np.random.default_rng(seed)
    for first in range(0, count, 1000):
        number = min(1000, count - first)
        image = np.zeros((number, 3, height, width), np.float32)
        for cells, strength in ((2, 70), (5, 40), (11, 22)):
            coarse = random.normal(0, strength, (number, 3, cells + 1, cells + 1)).astype(np.float32)
            y = np.linspace(0, cells, height, endpoint=False)
            x = np.linspace(0, cells, width, endpoint=False)
            top, left = y.astype(int), x.astype(int)
            down, right = (y - top)[:, None].astype(np.float32), (x - left)[None, :].astype(np.float32)
            upper = coarse[:, :, top][..., left] * (1 - right) + coarse[:, :, top][..., left + 1] * right
            lower = coarse[:, :, top + 1][..., left] * (1 - right) + coarse[:, :, top + 1][..., left + 1] * right
            image += upper * (1 - down) + lower * down
        image += random.normal(128, 4, image.shape).astype(np.float32)
        yield np.clip(image, 0, 255).astype(np.uint8)


def batches(path):
    """Label and planar pixels of every record of a CIFAR-10 archive, training part first."""
    with tarfile.open(path) as tar:
        names = sorted(name for name in tar.getnames() if name.endswith(".bin"))
        for name in names:
            yield np.frombuffer(tar.extractfile(name).read(), np.uint8).reshape(-1, RECORD)


def make_archive(arguments):
    if arguments.cifar10:
        records = np.concatenate(list(batches(arguments.cifar10)))[: arguments.count]
    else:
        pixels = np.concatenate(list(drawn(arguments.count, SIDE, SIDE, 0)))
        labels = (np.arange(arguments.count) % 10).astype(np.uint8)[:, None]
        records = np.concatenate([labels, pixels.reshape(arguments.count, -1)], 1)
    with tarfile.open(arguments.output, "w", format=tarfile.USTAR_FORMAT) as tar:
        names = "airplane automobile bird cat deer dog frog horse ship truck".split()
        add(tar, "cifar-10-batches-bin/batches.meta.txt", "\n".join(names).encode() + b"\n")
        for index, part in enumerate(np.array_split(records, 6)):
            add(tar, f"cifar-10-batches-bin/data_batch_{index + 1}.bin", part.tobytes())


def make_members(arguments):
    import webdataset as wds

    arguments.output.mkdir()
    number = 0
    with wds.ShardWriter(str(arguments.output / "images-%06d.tar"), maxsize=64 << 20, maxcount=50_000, verbose=0) as writer:
        for records in batches(arguments.archive):
            for record in records:
                planar = record[1:].reshape(3, SIDE, SIDE)
                if arguments.field == "png":
                    file = io.BytesIO()
                    Image.fromarray(planar.transpose(1, 2, 0)).save(file, "png")
                    value = file.getvalue()
                else:
                    value = planar.astype(np.float32) / 255
                writer.write({"__key__": f"{number:09d}", arguments.field: value, "cls": int(record[0])})
                number += 1


def make_photographs(arguments):
    if arguments.photos:
        files = [path.read_bytes() for path in sorted(arguments.photos.rglob("*.jpg"))]
    else:
        files = []
        for image in next(drawn(30, 375, 500, 1)):
            file = io.BytesIO()
            Image.fromarray(image.transpose(1, 2, 0)).save(file, "jpeg", quality=90)
            files.append(file.getvalue())
    with tarfile.open(arguments.output, "w", format=tarfile.USTAR_FORMAT) as tar:
        for number in range(arguments.count):
            add(tar, f"{number:09d}.jpg", files[number % len(files)])
            add(tar, f"{number:09d}.cls", str(number % 10).encode())


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=["archive", "members", "photographs"])
    parser.add_argument("output", type=pathlib.Path)
    parser.add_argument("--count", type=int)
    parser.add_argument("--cifar10")
    parser.add_argument("--archive")
    parser.add_argument("--field", choices=["png", "npy"])
    parser.add_argument("--photos", type=pathlib.Path)
    arguments = parser.parse_args()
    {"archive": make_archive, "members": make_members, "photographs": make_photographs}[arguments.what](arguments)
    print(json.dumps({"made": str(arguments.output)}))


if __name__ == "__main__":
    main()
