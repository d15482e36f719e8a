#!/usr/bin/env python3
"""Draws shards of format version 1.0, and records what is in them.

usage: Scripts/golden/shards.py FOLDER-WITH-PIPE [FOLDER]

Writes FOLDER (fixtures/shards-1.0), which must not exist: shards that were published once are never drawn again, so that every later
version is shown to read what an earlier one wrote. `pipe` writes the shards; NumPy and Pillow say what is in them, in values.txt:

  DATASET . info VALUE              what the manifest says, in the words of the format
  DATASET KEY FIELD VALUE           cls, json and txt as they are; png as C×H×W and the SHA-256 of the pixels, row by row, channels
                                    interleaved; jpg as C×H×W and the SHA-256 of the file, because decoders differ in their last
                                    bits; arrays as shape, first and last value, and the SHA-256 of the float32 values

Needs numpy and pillow.
"""

import hashlib
import io
import json
import pathlib
import subprocess
import sys
import tarfile

import numpy
from PIL import Image

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
FIXTURES = ROOT / "fixtures"
CLASSES = ["circle", "square/ü", "star"]


def ustar(members):
    """A tar archive of (name, bytes), and where the samples begin and end in it."""
    out, start, end = io.BytesIO(), None, None
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, data in members:
            if not name.startswith("__") and start is None:
                start = out.tell()
            if callable(data):
                end = out.tell()
                data = data(out.getvalue()[start:end])
            info = tarfile.TarInfo(name)
            info.size, info.mode = len(data), 0o444
            tar.addfile(info, io.BytesIO(data))
    return out.getvalue()


def wire(info, samples):
    """The stream that pipe shard reads; samples are (key, [(field, bytes)])."""
    header = {"format": "pipe-wire", "format_version": "1.0", "info": info}
    members = [("__pipe__/header", json.dumps(header).encode())]
    members += [(f"{key}.{field}", data) for key, fields in samples for field, data in fields]

    def end(body):
        return json.dumps({"samples": len(samples), "sha256": hashlib.sha256(body).hexdigest()}).encode()

    return ustar(members + [("__pipe__/end", end)])


def npy(values):
    out = io.BytesIO()
    numpy.save(out, numpy.asarray(values, dtype="<f4"))
    return out.getvalue()


def description(name, **more):
    step = {"verb": "draw", "tool": "golden", "options": {"seed": "0"}, "digests": {}}
    return {"name": name, "kind": "samples", "split": "train", "class_names": CLASSES, "label_kind": "hard", "provenance": [step], **more}


def images(count, *extra, high=1.5):
    """Float images beyond black and white, every class in turn; `extra` makes further fields from a sample's number."""
    random = numpy.random.default_rng(7)
    for index in range(count):
        values = random.uniform(-0.5, high, (3, 6, 5))
        fields = [("npy", npy(values)), ("cls", str(index % 3).encode())]
        yield f"s{index}", fields + [field for make in extra for field in make(index)]


def soft(values):
    return lambda index: [("soft.npy", npy(values(index)))]


def meta(index):
    return [("json", json.dumps({"source": f"{index}.png"}).encode()), ("txt", f"number {index}\n".encode())]


NORMALIZATION = {"mean": [0.4914, 0.4822, 0.4465], "std": [0.247, 0.2435, 0.2616]}


def probabilities(index):
    row = [0.125, 0.125, 0.125]
    row[index % 3] = 0.75
    return row


def datasets():
    """Name, arguments of pipe shard, and its input: a wire, or a shell line that writes one."""
    shape = {"shape": [3, 6, 5]}
    yield "png", ["--max-samples", "2"], f"pipe shard -q -i {FIXTURES}/shapes-cifar.tar.gz -o all && pipe cat -q --per-class 1 --take 4 all"
    yield "png-zstd", ["--zstd=9", "--max-samples", "2"], f"pipe shard -q -i {FIXTURES}/shapes-cifar.tar.gz -o all2 && pipe cat -q --per-class 1 --take 4 all2"
    yield "jpg", [], f"pipe shard -q -i {FIXTURES}/shapes-folder.tar.gz -o all3 && pipe cat -q --per-class 2 --take 4 all3"
    yield "soft", ["--max-samples", "3"], wire(
        description("soft", label_kind="probability", learned_learning_rate=0.0123, normalization=NORMALIZATION, **shape),
        list(images(5, soft(probabilities), meta)))
    yield "logits-zstd", ["--zstd"], wire(
        description("logits", label_kind="logit", **shape), list(images(3, soft(lambda index: [-1.5, 0.25 * index, 3]))))
    yield "fields", ["--fields", "npy,cls"], wire(description("fields", **shape), list(images(3)))
    yield "latents", [], wire(
        description("latents", kind="latents", shape=[7]),
        [(f"z{i}", [("latent.npy", npy(numpy.arange(7) * 0.5 - i)), ("cls", str(i).encode())]) for i in range(3)])
    yield "spectrogram", [], f"pipe decode -q -i {FIXTURES}/tones.tar.gz --label-pattern '{{label}}_*' --test-pattern '*_[0-1].*' | pipe shard -q -o tones && pipe cat -q --per-class 1 --take 2 tones"
    for kind, formation in [
        ("uniform", {"factor": 2}), ("multi", {"kind": "multi", "parts": 2}), ("time", {"kind": "time", "parts": 3}),
    ]:
        rule = {"upsample": "bilinear", "padding": 0.0 if kind == "time" else 0.5, **formation}
        yield f"formation-{kind}", [], wire(description(kind, formation=rule, **shape), list(images(3, high=1.0)))
    yield "test-split", [], wire(description("held-out", split="test", **shape), list(images(3)))


def array(data):
    values = numpy.load(io.BytesIO(data), allow_pickle=False)
    assert values.dtype == "<f4" and values.flags.c_contiguous
    flat = values.reshape(-1)
    return f"{'x'.join(map(str, values.shape))} {flat[0]:.9g} {flat[-1]:.9g} {hashlib.sha256(flat.tobytes()).hexdigest()}"


def image(data):
    pixels = numpy.asarray(Image.open(io.BytesIO(data)))
    pixels = pixels if pixels.ndim == 3 else pixels[..., None]
    return f"{pixels.shape[2]}x{pixels.shape[0]}x{pixels.shape[1]} {hashlib.sha256(pixels.tobytes()).hexdigest()}"


def value(field, data):
    if field.endswith("npy"):
        return array(data)
    if field == "png":
        return image(data)
    if field == "jpg":
        return f"{image(data).split()[0]} {hashlib.sha256(data).hexdigest()}"
    return json.dumps(data.decode(), ensure_ascii=False)


# What the manifest says that every reader must understand.
FACTS = ["complete", "counts_per_class", "dataset", "fields", "format", "format_version", "formation", "generation", "kind", "label_kind",
         "label_names", "learned_learning_rate", "normalization", "observed_range", "samples", "shape", "spectrogram", "split", "value_range"]


def lines(name, folder):
    manifest = json.loads((folder / "pipe.manifest").read_text())
    for fact in FACTS:
        if fact in manifest:
            yield f"{name} . {fact} {json.dumps(manifest[fact], ensure_ascii=False, sort_keys=True)}"
    for shard in manifest["shards"]:
        data = (folder / shard["name"]).read_bytes()
        if shard["name"].endswith(".zst"):
            data = subprocess.run(["zstd", "-dcq"], input=data, capture_output=True, check=True).stdout
        with tarfile.open(fileobj=io.BytesIO(data)) as tar:
            for member in tar:
                key, field = member.name.split(".", 1)
                yield f"{name} {key} {field} {value(field, tar.extractfile(member).read())}"


def main():
    pipe, out = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2] if len(sys.argv) > 2 else FIXTURES / "shards-1.0").resolve()
    out.mkdir()
    work = out / "work"
    work.mkdir()
    environment = {"PATH": f"{pipe}:/usr/bin:/bin"}
    text = []
    for name, options, source in datasets():
        if isinstance(source, str):
            source = subprocess.run(["bash", "-euo", "pipefail", "-c", source], cwd=work, env=environment, capture_output=True, check=True).stdout
        (work / "wire").write_bytes(source)
        subprocess.run(["pipe", "shard", "-q", "-i", "wire", "-o", out / name, *options], cwd=work, env=environment, check=True)
        text += lines(name, out / name)
    subprocess.run(["rm", "-r", work], check=True)
    (out / "values.txt").write_text("\n".join(text) + "\n")


main()
