"""Streams and shards beside webdataset, tarfile, Pillow and the C libraries alone."""

import json
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import tempfile

import images
import measure
from report import Row, Target

HERE = pathlib.Path(__file__).resolve().parent
MEGABYTE = 1e6


class Bench:
    """Runs the program and its peers in turn, and makes rows of what they took."""

    def __init__(self, context, scratch):
        self.context = context
        self.scratch = scratch
        self.repeats = 1 if context.quick else 5

    def ours(self, *words, fresh=None):
        """A run of the program; `fresh` is an output that must not exist before."""
        remove(fresh)
        usage = measure.run([self.context.pipe, *words], stdout=os.devnull)
        usage.stages = stages(usage.said)
        return usage

    def peer(self, job, source, fresh=None):
        """A run of a peer; its times are those of the work without the start of Python."""
        remove(fresh)
        script = HERE / "peers" / "streams.py"
        usage = measure.run(
            [self.context.python, script, job, source, *([fresh] if fresh else [])], stdout=subprocess.PIPE
        )
        said = json.loads(usage.output)
        usage.wall, usage.processor, usage.samples = said["seconds"], said["processor"], said["samples"]
        return usage

    def rates(self, work, samples, size, ours, peers, target=None, ceiling=None):
        """Rows of samples/s, one for each peer: `peers` is a list of (name, job, target)."""
        jobs = {"ours": ours} | {name: job for name, job, _ in peers} | (dict([ceiling]) if ceiling else {})
        taken = measure.interleaved(self.repeats, **jobs)
        mine = taken["ours"]
        wall = median(mine, "wall")
        for name, _, target in peers or [("", None, target)]:
            theirs = taken.get(name)
            for usage in theirs or []:
                if usage.samples != samples:
                    sys.exit(f"benchmark: {name} had {usage.samples} samples for “{work}”, and there are {samples:,}")
            yield Row(
                part="streaming", work=work, unit="samples/s", ours=samples / wall,
                peer=theirs and samples / median(theirs, "wall"), peer_name=name,
                ceiling=ceiling and samples / median(taken[ceiling[0]], "wall"), ceiling_name=ceiling[0] if ceiling else "",
                target=target,
                details=[
                    ("", size / wall / MEGABYTE, "MB/s"),
                    ("processor", median(mine, "processor"), "s"),
                    ("peak", max(usage.peak for usage in mine) / MEGABYTE, "MB"),
                ] + ([
                    ("peer's processor", median(theirs, "processor"), "s"),
                    ("peer's peak", max(usage.peak for usage in theirs) / MEGABYTE, "MB"),
                ] if theirs else []),
                stages=middle_stages(mine),
            )


def remove(path):
    """Removes a file or a folder, if it is there."""
    if path and path.is_dir():
        shutil.rmtree(path)
    elif path and path.is_file():
        path.unlink()


def median(usages, name):
    return statistics.median(getattr(usage, name) for usage in usages)


def stages(said):
    """The stages that `--verbose` reports, as (name, seconds of processor time)."""
    found = re.search(r"processor time: (.*)", said)
    return [(name, float(value)) for name, value in re.findall(r"(\w+) ([0-9.]+) s", found.group(1))] if found else []


def middle_stages(usages):
    """The stages of the run whose processor time is the median."""
    return sorted(usages, key=lambda usage: usage.processor)[len(usages) // 2].stages


def size(path):
    """Bytes of a file, or of the files in a folder."""
    return sum(file.stat().st_size for file in path.iterdir()) if path.is_dir() else path.stat().st_size


def resharding(bench, context, count):
    """Writing shards: pixels that are encoded, members that are copied."""
    out, other = bench.scratch / "ours", bench.scratch / "peer"
    archive, png, npy = images.archive(context), images.members(context, "png"), images.members(context, "npy")
    common = ["--verbose", "--progress=never", "-o", out]
    yield from bench.rates(
        "shard, PNG encoded", count, size(archive),
        lambda: bench.ours("shard", "-i", archive, *common, fresh=out),
        [("webdataset writer", lambda: bench.peer("write_png", archive, fresh=other), Target("ratio", 4))])
    yield from bench.rates(
        "shard, PNG members as they are", count, size(png),
        lambda: bench.ours("shard", "-i", png, *common, fresh=out),
        [("webdataset writer", lambda: bench.peer("reshard", png, fresh=other), Target("ratio", 10))])
    yield from bench.rates(
        "shard, npy members", count, size(npy),
        lambda: bench.ours("shard", "-i", npy, "--fields", "npy,cls", *common, fresh=out),
        [("webdataset writer", lambda: bench.peer("reshard", npy, fresh=other), Target("ratio", 10))])
    shutil.rmtree(other)
    yield from bench.rates(
        "decode, PNG encoded", count, size(archive),
        lambda: bench.ours("decode", "-i", archive, "--verbose", "--progress=never"),
        [("webdataset TarWriter", lambda: bench.peer("stream_png", archive, fresh=pathlib.Path(os.devnull)), None)])


def reading(bench, context, count):
    """Reading datasets of shards back."""
    for field, source in (("png", images.archive(context)), ("npy", images.members(context, "npy"))):
        folder = bench.scratch / f"dataset-{field}"
        bench.ours("shard", "-i", source, "-o", folder, "--fields", f"{field},cls", fresh=folder)
        tarfile = lambda: bench.peer("read_only", folder)
        decoding = lambda: bench.peer("read_decoding", folder)
        decoder = "Pillow" if field == "png" else "NumPy"
        yield from bench.rates(
            f"cat, {field}", count, size(folder), lambda: bench.ours("cat", folder, "--verbose", "--progress=never"),
            [("tarfile + hashlib", tarfile, Target("ratio", 10))])
        yield from bench.rates(
            f"verify, {field}, every sample decoded", count, size(folder), lambda: bench.ours("verify", folder),
            [(f"tarfile + hashlib + {decoder}", decoding, Target("ratio", 10)),
             ("tarfile + hashlib, not decoding", tarfile, Target("ratio", 10))])
        again = bench.scratch / "again"
        yield from bench.rates(
            f"shard, our own dataset, {field}", count, size(folder),
            lambda: bench.ours("shard", "-i", folder, "-o", again, "--verbose", "--progress=never", "--fields",
                               f"{field},cls", fresh=again),
            [("webdataset writer", lambda: bench.peer("reshard", folder, fresh=bench.scratch / "peer"), None)])
        shutil.rmtree(again)
        shutil.rmtree(bench.scratch / "peer")
        shutil.rmtree(folder)


def durable(bench, context, count):
    """Shards on the disk, synced, beside writing as many bytes with nothing else to do."""
    png = images.members(context, "png")
    out, plain = context.folder / "durable", context.folder / "durable.plain"
    blocks = size(png) // (1 << 20)
    yield from bench.rates(
        "shard to disk, synced", count, size(png),
        lambda: bench.ours("shard", "-i", png, "-o", out, "--verbose", "--progress=never", fresh=out), [],
        ceiling=("dd conv=fsync", lambda: remove(plain) or measure.run(
            ["dd", "if=/dev/zero", f"of={plain}", "bs=1M", f"count={blocks}", "conv=fsync", "status=none"])))
    shutil.rmtree(out)
    plain.unlink()


def codecs(bench, context, count):
    """Processor time of one image in the codecs, from the program's own report, beside Pillow and libturbojpeg."""
    archive, png, photographs = images.archive(context), images.members(context, "png"), images.photographs(context)
    out = bench.scratch / "codec"

    def row(work, stage, number, run, peer, ceiling=None, target=None):
        jobs = {"ours": run, "peer": peer[1]} | ({"ceiling": ceiling[1]} if ceiling else {})
        taken = measure.interleaved(bench.repeats, **jobs)
        # Processor time that other work on the machine lengthens: the least is the truest.
        micro = lambda usages: min(usage.processor for usage in usages) / number * 1e6
        ours = min(dict(usage.stages)[stage] for usage in taken["ours"]) / number * 1e6
        return Row(
            part="streaming", work=work, unit="µs", ours=ours, peer=micro(taken["peer"]), peer_name=peer[0],
            ceiling=micro(taken["ceiling"]) if ceiling else None, ceiling_name=ceiling[0] if ceiling else "",
            target=target, details=[("whole verb", number / median(taken["ours"], "wall"), "samples/s")],
            stages=middle_stages(taken["ours"]))

    yield row(
        "PNG encode, 32×32", "pack", count,
        lambda: bench.ours("decode", "-i", archive, "--verbose", "--progress=never"),
        ("Pillow", lambda: bench.peer("png_encode", archive)))
    yield row(
        "PNG decode, 32×32", "prepare", count,
        lambda: bench.ours("shard", "-i", png, "-o", out, "--verbose", "--progress=never", fresh=out),
        ("Pillow", lambda: bench.peer("png_decode", png)))
    shutil.rmtree(out)
    yield row(
        "JPEG decode to 224×224, 500×375", "prepare", 60 if context.quick else 600,
        lambda: bench.ours("decode", "-i", photographs, "--resize", "224", "--center-crop", "224", "--verbose",
                           "--progress=never"),
        ("Pillow", lambda: bench.peer("jpeg_pillow", photographs)),
        ceiling=("libturbojpeg, decoding only", lambda: bench.peer("jpeg_turbojpeg", photographs)),
        target=Target("share", 0.9))


def starting(bench, context):
    """From the call to the end, where there is next to nothing to do."""
    folder, sheet, stream = bench.scratch / "few", bench.scratch / "sheet.png", bench.scratch / "few.stream"
    tiny = images.made(context, "few.tar", "archive", "--count", 10)
    bench.ours("shard", "-i", tiny, "-o", folder, fresh=folder)
    bench.ours("decode", "-i", tiny, "-o", stream)
    out = bench.scratch / "started"
    pipeline = bench.scratch / "few.json5"
    plan = {"output": str(bench.scratch / "planned"), "input": [str(tiny)], "steps": [{"verb": "decode"}, {"verb": "shard"}]}
    pipeline.write_text(json.dumps({"format": 1, "datasets": [plan]}))
    verbs = [
        ["version"], ["--help"], ["help", "condense"], ["methods"], ["completion", "bash"], ["man"], ["inspect", folder],
        ["verify", folder], ["preview", folder, "-o", sheet], ["cat", folder], ["decode", "-i", tiny],
        ["shard", "-i", stream, "-o", out], ["run", pipeline, "--dry-run"],
    ]
    for words in verbs:
        fresh = {"shard": out, "preview": sheet}.get(words[0])
        taken = measure.interleaved(
            20, ours=lambda: bench.ours(*words, fresh=fresh), peer=lambda: measure.run([context.python, "-c", "pass"]))
        yield Row(
            part="streaming", work=f"start-up of {words[0]}", unit="ms", ours=median(taken["ours"], "wall") * 1e3,
            peer=median(taken["peer"], "wall") * 1e3, peer_name="python -c pass",
            target=Target("ours", 20, at_most=True),
            details=[("least", min(usage.wall for usage in taken["ours"]) * 1e3, "ms"),
                     ("processor", median(taken["ours"], "processor") * 1e3, "ms"),
                     ("peak", max(usage.peak for usage in taken["ours"]) / MEGABYTE, "MB")])


def memory(bench, context, count):
    """Peak memory, and that of the same verb on a tenth of the images."""
    whole = images.archive(context)
    tenth = images.made(context, "tenth.tar", "archive", "--count", count // 10)
    out, folders = bench.scratch / "memory", {}
    for name, archive in (("whole", whole), ("tenth", tenth)):
        folders[name] = bench.scratch / f"memory-{name}"
        bench.ours("shard", "-i", archive, "-o", folders[name], fresh=folders[name])
    verbs = {
        "decode": lambda name: ["decode", "-i", whole if name == "whole" else tenth],
        "shard": lambda name: ["shard", "-i", whole if name == "whole" else tenth, "-o", out],
        "shard --zstd": lambda name: ["shard", "--zstd", "-i", folders[name], "-o", out],
        "cat": lambda name: ["cat", folders[name]],
        "verify": lambda name: ["verify", folders[name]],
    }
    for verb, words in verbs.items():
        peak = {name: bench.ours(*words(name), fresh=out).peak / MEGABYTE for name in folders}
        yield Row(
            part="streaming", work=f"memory of {verb}", unit="MB", ours=peak["whole"],
            target=Target("ours", 200, at_most=True), details=[("on a tenth of the images", peak["tenth"], "MB")])


def in_memory_folder(context):
    """A folder whose files are in memory, so that the disk is not what is measured; the benchmark's own if there is none."""
    shared = pathlib.Path("/dev/shm")
    if shared.is_dir() and shutil.disk_usage(shared).free > 6 << 30:
        return tempfile.TemporaryDirectory(prefix="pipe-benchmark-", dir=shared)
    return tempfile.TemporaryDirectory(prefix="scratch-", dir=context.folder)


def rows(context):
    """The rows of this part, one by one, as `report.Row`."""
    count = images.count(context)
    with in_memory_folder(context) as scratch:
        bench = Bench(context, pathlib.Path(scratch))
        yield from resharding(bench, context, count)
        yield from reading(bench, context, count)
        yield from codecs(bench, context, count)
        yield from durable(bench, context, count)
        yield from starting(bench, context)
        yield from memory(bench, context, count)
