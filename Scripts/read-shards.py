#!/usr/bin/env python3
"""Reads shards as a Python user would, and prints one line per field: KEY FIELD SHAPE SHA256.

    read-shards.py [--with tarfile|webdataset] PATH...

PATH is a dataset folder, a shard or a saved wire stream. `tarfile` needs nothing beyond Python itself and decodes PNG
and npy here; `webdataset` needs that package, NumPy and Pillow and lets them decode. SHAPE and SHA256 are those of the
decoded value: pixels H x W x C, array values in C order, text as it is (JSON is only checked to be JSON).
"""

import argparse
import ast
import glob
import hashlib
import io
import json
import os
import struct
import subprocess
import sys
import tarfile
import zlib


def shards(path):
    """The shards of a folder in order, or the file itself."""
    if not os.path.isdir(path):
        return [path]
    with open(os.path.join(path, "pipe.manifest")) as file:
        names = [shard["name"] for shard in json.load(file)["shards"]]
    found = sorted(os.path.basename(name) for name in glob.glob(os.path.join(path, "*.tar*")))
    assert names == found, f"the manifest names {names}, the folder holds {found}"
    return [os.path.join(path, name) for name in names]


def decode_png(data):
    """8-bit grey or RGB, not interlaced: what the writer makes."""
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    position, packed = 8, b""
    while position < len(data):
        (length,) = struct.unpack(">I", data[position : position + 4])
        kind, body = data[position + 4 : position + 8], data[position + 8 : position + 8 + length]
        (check,) = struct.unpack(">I", data[position + 8 + length : position + 12 + length])
        assert zlib.crc32(kind + body) == check, "checksum of a PNG chunk"
        if kind == b"IHDR":
            width, height, depth, colour, _, _, interlace = struct.unpack(">IIBBBBB", body)
        if kind == b"IDAT":
            packed += body
        position += 12 + length
    assert (depth, interlace) == (8, 0) and colour in (0, 2), "an 8-bit grey or RGB image"
    channels = 1 if colour == 0 else 3
    raw, stride, rows = zlib.decompress(packed), width * channels, []
    assert len(raw) == height * (stride + 1)
    above = bytearray(stride)
    for y in range(height):
        method, line = raw[y * (stride + 1)], bytearray(raw[y * (stride + 1) + 1 : (y + 1) * (stride + 1)])
        for x in range(stride):
            left = line[x - channels] if x >= channels else 0
            corner = above[x - channels] if x >= channels else 0
            if method == 4:
                estimate = left + above[x] - corner
                guess = min((left, above[x], corner), key=lambda value: abs(estimate - value))
            else:
                guess = (0, left, above[x], (left + above[x]) // 2)[method]
            line[x] = (line[x] + guess) & 255
        rows.append(bytes(line))
        above = line
    return (height, width, channels), b"".join(rows)


def decode_npy(data):
    """Version 1.0, little-endian float32, C order, a header of 128 bytes."""
    assert data[:8] == b"\x93NUMPY\x01\x00" and struct.unpack("<H", data[8:10]) == (118,)
    header = ast.literal_eval(data[10:128].decode())
    assert header["descr"] == "<f4" and header["fortran_order"] is False
    return header["shape"], data[128:]


def with_tarfile(path):
    """Samples by the standard library alone."""
    command = ["zstd", "-dcq", path] if path.endswith(".zst") else ["cat", path]
    data = subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as archive:
        for member in archive:
            if member.name.startswith("__"):
                continue
            key, field = member.name.split(".", 1)
            payload = archive.extractfile(member).read()
            if field == "png":
                yield key, field, *decode_png(payload)
            elif field.endswith("npy"):
                yield key, field, *decode_npy(payload)
            else:
                if field == "json":
                    json.loads(payload)
                yield key, field, (), payload


def with_webdataset(path):
    """Samples by the webdataset package, which decodes everything itself."""
    import numpy
    import PIL.Image
    import webdataset

    url = f"pipe:zstd -dcq {path}" if path.endswith(".zst") else path
    # Its own "pil" would turn grey images into colour ones.
    image = webdataset.handle_extension("png", lambda data: PIL.Image.open(io.BytesIO(data)))
    for sample in webdataset.WebDataset(url, shardshuffle=False).decode(image):
        for field, value in sample.items():
            if field.startswith("__"):
                continue
            if field == "png":
                pixels = numpy.asarray(value)
                shape = pixels.shape if pixels.ndim == 3 else (*pixels.shape, 1)
                yield sample["__key__"], field, shape, pixels.tobytes()
            elif isinstance(value, numpy.ndarray):
                assert value.dtype == numpy.float32
                yield sample["__key__"], field, value.shape, value.tobytes()
            elif field == "json":
                yield sample["__key__"], field, (), json.dumps(value, separators=(",", ":")).encode()
            else:
                value = str(value).encode() if isinstance(value, (int, str)) else value
                yield sample["__key__"], field, (), value


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--with", dest="reader", choices=["tarfile", "webdataset"], default="tarfile")
    parser.add_argument("paths", nargs="+", metavar="PATH")
    arguments = parser.parse_args()
    read = {"tarfile": with_tarfile, "webdataset": with_webdataset}[arguments.reader]
    for path in arguments.paths:
        for shard in shards(path):
            for key, field, shape, value in read(shard):
                print(key, field, "x".join(map(str, shape)) or "-", hashlib.sha256(value).hexdigest())


if __name__ == "__main__":
    sys.exit(main())
