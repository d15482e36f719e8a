"""The images that are measured: 60,000 of 32 x 32, CIFAR-10's own or drawn, and photographs as JPEG files."""

import hashlib
import json
import pathlib
import subprocess

HERE = pathlib.Path(__file__).resolve().parent


def make(context, *words):
    """Lets a script of the peers' environment make something, once; what it says is JSON."""
    command = [context.python, HERE / "peers" / "make_images.py", *words]
    done = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout)


def made(context, name, *words):
    """The path `name` below the folder, made by `make_images.py` with these words if it is not there."""
    path = context.folder / "data" / (("quick-" if context.quick else "") + name)
    if not path.exists():
        context.say(f"making {path.name}")
        path.parent.mkdir(exist_ok=True)
        part = path.with_name(path.name + ".part")
        make(context, *words, part)
        part.rename(path)
    return path


def count(context):
    """How many images the archive holds."""
    return 6_000 if context.quick else 60_000


def origin(path):
    """A word for where images come from, that changes with it: what is kept must not stand for something else."""
    if path is None:
        return "drawn"
    status = path.stat()
    return hashlib.sha256(f"{path} {status.st_size} {status.st_mtime_ns}".encode()).hexdigest()[:8]


def archive(context):
    """A tar of CIFAR-10's binary layout in which all images are training images."""
    source = ["--cifar10", context.cifar10] if context.cifar10 else []
    return made(
        context, f"images-{origin(context.cifar10)}.tar", "archive", "--count", count(context), *source)


def members(context, field):
    """A folder of WebDataset tars, written by webdataset, with the same images as `png` or `npy` (float32)."""
    return made(
        context, f"{field}-{origin(context.cifar10)}", "members", "--field", field, "--archive", archive(context))


def photographs(context):
    """A WebDataset tar of JPEG files of about 500 x 375 pixels, drawn, or those of a folder, repeated."""
    source = ["--photos", context.photos] if context.photos else []
    return made(
        context, f"photographs-{origin(context.photos)}.tar", "photographs", "--count", 60 if context.quick else 600, *source)
