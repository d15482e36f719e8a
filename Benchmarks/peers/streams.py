#!/usr/bin/env python3
"""What the streaming rows are measured against: webdataset, tarfile, Pillow, and libturbojpeg alone.

    streams.py JOB INPUT [OUTPUT]

Prints one line of JSON: seconds and processor seconds of the work itself, without the start of Python, and how many samples.
"""

import ctypes
import ctypes.util
import glob
import hashlib
import io
import json
import os
import sys
import tarfile
import time

import numpy as np
from PIL import Image

SIDE = 32
SHARD = {"maxsize": 64 << 20, "maxcount": 50_000, "verbose": 0}


def tars(path):
    return sorted(glob.glob(f"{path}/*.tar")) if os.path.isdir(path) else [path]


def records(path):
    """Every record of CIFAR-10's binary layout."""
    with tarfile.open(path) as tar:
        for member in tar:
            if member.name.endswith(".bin"):
                yield from np.frombuffer(tar.extractfile(member).read(), np.uint8).reshape(-1, 1 + 3 * SIDE * SIDE)


def webdataset():
    """The module, with what it looks up when it is first asked for a sample: starts are not measured."""
    import webdataset

    webdataset.utils.pytorch_worker_info()
    return webdataset


def encode(path, writer):
    """Images as PNG members, which webdataset lets Pillow encode."""
    number = 0
    for record in records(path):
        image = Image.fromarray(record[1:].reshape(3, SIDE, SIDE).transpose(1, 2, 0))
        writer.write({"__key__": f"{number:09d}", "png": image, "cls": int(record[0])})
        number += 1
    return number


def write_png(path, output):
    os.makedirs(output)
    with wds.ShardWriter(f"{output}/images-%06d.tar", **SHARD) as writer:
        return encode(path, writer)


def stream_png(path, output):
    with open(output, "wb") as file, wds.TarWriter(file) as writer:
        return encode(path, writer)


def reshard(path, output):
    """Members as they are, from webdataset's reader to its writer."""
    os.makedirs(output)
    number = 0
    with wds.ShardWriter(f"{output}/images-%06d.tar", **SHARD) as writer:
        for sample in wds.WebDataset(tars(path), shardshuffle=False):
            writer.write({key: value for key, value in sample.items() if key == "__key__" or not key.startswith("__")})
            number += 1
    return number


def read(path, decode):
    """Every member, and the SHA-256 of every file; the images or arrays decoded, if that is wanted."""
    number = 0
    for name in tars(path):
        digest = hashlib.sha256()
        with open(name, "rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
        digest.hexdigest()
        with tarfile.open(name) as tar:
            for member in tar:
                data = tar.extractfile(member).read()
                if member.name.endswith(".cls"):
                    number += 1
                elif decode and member.name.endswith(".npy"):
                    np.load(io.BytesIO(data))
                elif decode:
                    np.asarray(Image.open(io.BytesIO(data)))
    return number


def read_only(path, output):
    return read(path, False)


def read_decoding(path, output):
    return read(path, True)


def png_encode(arrays, output):
    for array in arrays:
        Image.fromarray(array).save(io.BytesIO(), "png")
    return len(arrays)


def pixels(path):
    return [np.ascontiguousarray(record[1:].reshape(3, SIDE, SIDE).transpose(1, 2, 0)) for record in records(path)]


def files(path, ending):
    found = []
    for name in tars(path):
        with tarfile.open(name) as tar:
            found += [tar.extractfile(member).read() for member in tar if member.name.endswith(ending)]
    return found


def png_decode(images, output):
    for image in images:
        np.asarray(Image.open(io.BytesIO(image)))
    return len(images)


def jpeg_pillow(images, output):
    """As torchvision's Resize(224) and CenterCrop(224) do it."""
    for data in images:
        image = Image.open(io.BytesIO(data)).convert("RGB")
        width, height = image.size
        short = min(width, height)
        image = image.resize((224 * width // short, 224 * height // short), Image.BILINEAR)
        left, top = round((image.width - 224) / 2), round((image.height - 224) / 2)
        np.asarray(image.crop((left, top, left + 224, top + 224)))
    return len(images)


def jpeg_turbojpeg(images, output):
    """libturbojpeg to RGB at full size, nothing else; one handle and one buffer for all."""
    library = ctypes.CDLL(ctypes.util.find_library("turbojpeg") or "libturbojpeg.so.0")
    library.tjInitDecompress.restype = ctypes.c_void_p
    decompressor = ctypes.c_void_p(library.tjInitDecompress())
    width, height, subsampling, colour = (ctypes.c_int() for _ in range(4))
    buffer = ctypes.create_string_buffer(1)
    for data in images:
        size = ctypes.c_ulong(len(data))
        failed = library.tjDecompressHeader3(
            decompressor, data, size, *(ctypes.byref(value) for value in (width, height, subsampling, colour))
        )
        if len(buffer) < 3 * width.value * height.value:
            buffer = ctypes.create_string_buffer(3 * width.value * height.value)
        failed |= library.tjDecompress2(decompressor, data, size, buffer, width, 0, height, 0, 0)
        assert not failed, "libturbojpeg refused an image"
    return len(images)


# Jobs that are about a codec get the files, or the pixels, in memory.
IN_MEMORY = {
    png_encode: pixels, png_decode: lambda path: files(path, ".png"), jpeg_pillow: lambda path: files(path, ".jpg"),
    jpeg_turbojpeg: lambda path: files(path, ".jpg"),
}


def main():
    job = globals()[sys.argv[1]]
    source = sys.argv[2]
    if job in IN_MEMORY:
        source = IN_MEMORY[job](source)
    if job in (write_png, stream_png, reshard):
        global wds
        wds = webdataset()
    wall, processor = time.perf_counter(), time.process_time()
    samples = job(source, sys.argv[3] if len(sys.argv) > 3 else None)
    print(json.dumps({
        "seconds": time.perf_counter() - wall, "processor": time.process_time() - processor, "samples": samples,
    }))


if __name__ == "__main__":
    main()
