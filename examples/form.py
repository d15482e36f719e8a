"""Reads what `pipe shard` wrote as a trainer needs it: formed and normalised float images, and labels. NumPy and PyTorch, no package of ours."""
import io, json, tarfile, numpy, torch
from torch.nn.functional import interpolate, pad


def form(images, formation):
    """Training images (n, tiles, C, H, W) of stored ones (n, C, H, W): pad, cut out the tiles of each grid, enlarge."""
    parts, size, tiles = formation.get("parts") or formation["factor"], images.shape[2:], []
    grids = {"uniform": [(parts, parts)], "multi": [(n, n) for n in range(1, parts + 1)], "time": [(1, parts)]}
    for rows, columns in grids[formation.get("kind", "uniform")]:
        padded = pad(images, (0, -size[1] % columns, 0, -size[0] % rows), value=formation["padding"])
        cut = [tile for band in padded.chunk(rows, 2) for tile in band.chunk(columns, 3)]
        tiles += [interpolate(tile, size, mode=formation["upsample"], align_corners=False) for tile in cut]
    return torch.stack(tiles, 1)


def training_set(folder):
    """Images (n · tiles, C, H, W), the tiles of a stored image one after the other, and their labels."""
    manifest, files = json.load(open(f"{folder}/pipe.manifest")), {}
    for shard in manifest["shards"]:
        with tarfile.open(f"{folder}/{shard['name']}") as tar:
            files |= {member.name: tar.extractfile(member).read() for member in tar}
    images = torch.tensor(numpy.stack([numpy.load(io.BytesIO(files[k])) for k in files if k.split(".", 1)[1] == "npy"]))
    tiles = form(images, manifest["formation"]) if "formation" in manifest else images[:, None]
    mean, std = (torch.tensor(manifest["normalization"][k]).view(-1, 1, 1) for k in ("mean", "std"))
    labels = torch.tensor([int(files[k]) for k in files if k.endswith(".cls")])
    return (tiles.flatten(0, 1) - mean) / std, labels.repeat_interleave(tiles.shape[1])
