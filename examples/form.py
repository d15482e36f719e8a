"""Reads what `pipe shard` wrote as a trainer needs it: formed and normalised float images, and targets. NumPy and PyTorch, no package of ours."""
import io, json, tarfile, numpy, torch
from torch.nn.functional import interpolate, one_hot, pad


def form(images, formation):
    """Training images (n, tiles, C, H, W) of stored ones (n, C, H, W): pad, cut out the tiles of each grid, enlarge."""
    parts, size, tiles = formation.get("parts") or formation["factor"], images.shape[2:], []
    grids = {"uniform": [(parts, parts)], "multi": [(n, n) for n in range(1, parts + 1)], "time": [(1, parts)]}
    for rows, columns in grids[formation.get("kind", "uniform")]:
        padded = pad(images, (0, -size[1] % columns, 0, -size[0] % rows), value=formation["padding"])
        cut = [tile for band in padded.chunk(rows, 2) for tile in band.chunk(columns, 3)]
        tiles += [interpolate(tile, size, mode=formation["upsample"], align_corners=False) for tile in cut]
    return torch.stack(tiles, 1)


def pixels(file, field, shape):
    """One image, C×H×W: floats as they are, 8-bit pixels with white as 1."""
    if field == "npy":
        return numpy.load(io.BytesIO(file))
    from PIL import Image
    picture = Image.open(io.BytesIO(file)).convert("L" if shape[0] == 1 else "RGB")
    return numpy.atleast_3d(numpy.asarray(picture, "float32")).transpose(2, 0, 1) / 255


def samples(folder):
    """The manifest, and the fields of every sample in order; refuses what it does not know."""
    manifest = json.load(open(f"{folder}/pipe.manifest"))
    if manifest["format"] != "pipe-shards" or manifest["format_version"].split(".")[0] != "1":
        raise ValueError(f"{folder}: format {manifest['format']} {manifest['format_version']} is not known here")
    found = {}
    for shard in manifest["shards"]:
        with tarfile.open(f"{folder}/{shard['name']}") as tar:
            for member in tar:
                key, field = member.name.split(".", 1)
                found.setdefault(key, {})[field] = tar.extractfile(member).read()
    if len(found) != manifest["samples"]:
        raise ValueError(f"{folder}: {len(found)} samples, but the manifest has {manifest['samples']}")
    return manifest, list(found.values())


def read(folder):
    """The manifest, stored images (n, C, H, W) before formation and normalisation, and the probability of each class (n, classes)."""
    manifest, found = samples(folder)
    fields = [next(field for field in ("npy", "png", "jpg") if field in sample) for sample in found]
    # Without a shape images have different sizes, and cannot be stacked: give them one with `pipe shard --resize`.
    images = [pixels(sample[field], field, manifest.get("shape", [3])) for sample, field in zip(found, fields)]
    if manifest["label_kind"] == "hard":
        labels = torch.tensor([int(sample["cls"]) for sample in found])
        targets = one_hot(labels, len(manifest["label_names"])).float()
    else:
        targets = torch.tensor(numpy.stack([numpy.load(io.BytesIO(sample["soft.npy"])) for sample in found]))
        targets = targets.softmax(1) if manifest["label_kind"] == "logit" else targets
    return manifest, torch.tensor(numpy.stack(images)), targets


def normalised(images, manifest):
    """What a network sees of images whose black is 0 and white 1; the images where the manifest has no constants, as after `pipe shard` alone."""
    if "normalization" not in manifest:
        return images
    mean, std = (torch.tensor(manifest["normalization"][key]).view(-1, 1, 1) for key in ("mean", "std"))
    return (images - mean) / std


def training_set(folder):
    """Images (n · tiles, C, H, W), the tiles of a stored image one after the other, and their targets (n · tiles, classes)."""
    manifest, images, targets = read(folder)
    tiles = form(images, manifest["formation"]) if "formation" in manifest else images[:, None]
    return normalised(tiles.flatten(0, 1), manifest), targets.repeat_interleave(tiles.shape[1], 0)


def mirrored(folder):
    """Whether images keep their class when left and right are exchanged: as the manifest says, otherwise those in colour."""
    manifest = json.load(open(f"{folder}/pipe.manifest"))
    return manifest.get("mirror", manifest.get("shape", [3])[0] > 1)


def test_set(folder, like):
    """Images of another folder, normalised as those of `like`, and their labels; both must have the same classes."""
    manifest, images, targets = read(folder)
    trained = json.load(open(f"{like}/pipe.manifest"))
    if manifest["label_names"] != trained["label_names"]:
        raise ValueError(f"{folder} and {like} have different classes: {manifest['label_names']}, {trained['label_names']}")
    return normalised(images, trained), targets.argmax(1)
