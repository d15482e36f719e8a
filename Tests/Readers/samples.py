"""Two small datasets as streams of pipe, and what every reader has to find in them, made without pipe and without NumPy."""

import hashlib
import io
import json
import random
import struct
import tarfile
import zlib

CLASSES = ["ant", "bee", "cat"]
HEIGHT, WIDTH = 6, 5


def line(key, field, shape, value):
    """As the clients print it."""
    return f"{key} {field} {'x'.join(map(str, shape)) or '-'} {hashlib.sha256(value).hexdigest()}"


def common(key, label, metadata):
    text = json.dumps(metadata, sort_keys=True, separators=(",", ":"))
    return [line(key, "cls", (), str(label).encode()), line(key, "json", (), text.encode())]


def npy(shape, values):
    """A NumPy array of float32."""
    extents = ", ".join(map(str, shape)) + ("," if len(shape) == 1 else "")
    text = f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({extents}), }}"
    return b"\x93NUMPY\x01\x00\x76\x00" + text.ljust(117).encode() + b"\n" + values


def png(pixels):
    """An RGB image of HEIGHT x WIDTH."""

    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    rows = b"".join(b"\0" + pixels[3 * WIDTH * y : 3 * WIDTH * (y + 1)] for y in range(HEIGHT))
    header = struct.pack(">IIBBBBB", WIDTH, HEIGHT, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def floats(count):
    """Float images, some values beyond 0 to 1, with soft labels and metadata: samples and expected lines."""
    generator = random.Random(1)
    samples, expected = [], []
    for number in range(count):
        key, label = f"float-{number:03}", number % len(CLASSES)
        # Thousandths are never halfway between two of 255 levels, but for those that are left out here.
        numbers = [generator.choice([n for n in range(-300, 1300) if n * 255 % 1000 != 500]) / 1000
                   for _ in range(3 * HEIGHT * WIDTH)]
        image = struct.pack(f"<{len(numbers)}f", *numbers)
        levels = [min(255, max(0, int(n * 255 + 0.5) if n > 0 else 0)) for n in numbers]
        area = HEIGHT * WIDTH
        view = bytes(levels[channel * area + place] for place in range(area) for channel in range(3))
        soft = struct.pack("<3f", *(0.8 if index == label else 0.1 for index in range(3)))
        metadata = {"source": f"käfer {number}", "weight": number / 2}
        samples.append((key, [("npy", npy((3, HEIGHT, WIDTH), image)), ("cls", str(label).encode()),
                              ("soft.npy", npy((3,), soft)), ("json", json.dumps(metadata).encode())]))
        expected += [line(key, "npy", (3, HEIGHT, WIDTH), image), line(key, "png", (HEIGHT, WIDTH, 3), view),
                     line(key, "soft.npy", (3,), soft)] + common(key, label, metadata)
    return samples, expected


def pixels(count):
    """8-bit images with metadata: samples and expected lines."""
    generator = random.Random(2)
    samples, expected = [], []
    for number in range(count):
        key, label = f"pixel-{number:03}", number % len(CLASSES)
        image = generator.randbytes(3 * HEIGHT * WIDTH)
        metadata = {"source": f"bee/{number}.png"}
        samples.append((key, [("png", png(image)), ("cls", str(label).encode()),
                              ("json", json.dumps(metadata).encode())]))
        expected += [line(key, "png", (HEIGHT, WIDTH, 3), image)] + common(key, label, metadata)
    return samples, expected


def stream(name, samples, label_kind):
    """The samples as pipe's stream: docs/shard-format.md."""
    counts = [sum(dict(fields)["cls"] == str(label).encode() for _, fields in samples) for label in range(len(CLASSES))]
    info = {"name": name, "kind": "samples", "split": "train", "class_names": CLASSES, "label_kind": label_kind,
            "shape": [3, HEIGHT, WIDTH], "count_per_class": counts, "provenance": [],
            "normalization": {"mean": [0.5, 0.4, 0.3], "std": [0.25, 0.25, 0.2]}}

    def member(name, body):
        header = tarfile.TarInfo(name)
        header.size = len(body)
        return header.tobuf(tarfile.USTAR_FORMAT) + body + bytes(-len(body) % 512)

    body = b"".join(member(f"{key}.{field}", value) for key, fields in samples for field, value in fields)
    header = {"format": "pipe-wire", "format_version": "1.0", "info": info}
    end = {"samples": len(samples), "sha256": hashlib.sha256(body).hexdigest()}
    return (member("__pipe__/header", json.dumps(header).encode()) + body
            + member("__pipe__/end", json.dumps(end).encode()) + bytes(1024))
