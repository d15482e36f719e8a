"""The program beside an older build of itself: every verb, both programs in turn, without any peer of other people."""

import dataclasses
import os
import pathlib
import statistics

import compute
import images
import measure
from report import Row, Target
from streaming import in_memory_folder, median, remove

# How much slower than before a row may be.
BOUND = 0.97


def rows(context):
    """The rows of this part, one by one, as `report.Row`."""
    before = dataclasses.replace(context, pipe=context.before)
    yield from steps(context, before)
    with in_memory_folder(context) as scratch:
        yield from verbs(context, before, pathlib.Path(scratch))


def steps(context, before):
    """Steps of condensing and passes of training."""
    size = compute.COLOUR
    for count in (100, 400):
        path = compute.training_set(compute.archive(context, size), count)
        if not path.exists():
            measure.run([context.pipe, "condense", "--method", "random", "--ipc", count // compute.CLASSES,
                         "-i", compute.archive(context, size), "-o", path])
    works = [compute.Condensing(method, factor, per_class, shape) for method, factor, per_class, shape in [
        ("dm", 1, 10, size), ("m3d", 2, 10, size), ("m3d", 1, 10, size), ("dm", 1, 50, size), ("dm", 1, 1, size),
        ("dm", 1, 10, compute.GREY), ("m3d", 2, 10, compute.GREY),
    ]] + [compute.Training(400, size), compute.Training(100, size)]
    for work in works:
        for precision in ("float32", "bfloat16"):
            taken = {"ours": [], "before": []}
            for _ in range(2 if context.quick else 5):
                for name, program in (("ours", context), ("before", before)):
                    # The least step of a run: what other work on the machine disturbs is left out.
                    count = compute.steps_of(work, context.quick)
                    taken[name].append(min(compute.Ours(program).seconds(work, count, "--precision", precision)))
            # The middle of pairs, each of runs that follow each other.
            ratio = statistics.median(old / new for old, new in zip(taken["before"], taken["ours"]))
            ours = compute.median_rate(work, taken["ours"])
            yield Row(
                part="revisions", work=str(work) if precision == "float32" else f"{work}, {precision}", unit=work.unit,
                ours=ours, peer=ours / ratio, peer_name="before", target=Target("ratio", BOUND))


def verbs(context, before, scratch):
    """Whole verbs: reading, writing, fitting, expanding."""
    count = images.count(context)
    archive, png, npy = images.archive(context), images.members(context, "png"), images.members(context, "npy")
    photographs = images.photographs(context)
    few = images.made(context, "few-hundred.tar", "archive", "--count", 200)
    dataset, out = scratch / "dataset", scratch / "out"
    measure.run([context.pipe, "shard", "-i", png, "-o", dataset])
    model, prior = scratch / "model", scratch / "prior"
    tiny = ["--width", 32, "--batch", 20]
    fit = ["fit", "--ipc", 1, *tiny, "--steps", 20, "-i", few, "-o"]
    pretrain = ["fit", "--method", "expansive", "--batch", 10, "--steps", 10, "-i", few, "-o"]
    measure.run([before.pipe, *fit, model])
    measure.run([before.pipe, *pretrain, prior])
    quiet = "--progress=never"
    commands = {
        "shard, PNG encoded": ["shard", "-i", archive, "-o", out, quiet],
        "shard, PNG members": ["shard", "-i", png, "-o", out, quiet],
        "shard, npy members": ["shard", "-i", npy, "--fields", "npy,cls", "-o", out, quiet],
        "shard --zstd": ["shard", "--zstd", "-i", png, "-o", out, quiet],
        "decode, PNG encoded": ["decode", "-i", archive, quiet],
        "decode, JPEG to 224×224": ["decode", "-i", photographs, "--resize", 224, "--center-crop", 224, quiet],
        "cat": ["cat", dataset, quiet],
        "verify": ["verify", dataset, quiet],
        "inspect": ["inspect", dataset],
        "version": ["version"],
        "methods": ["methods"],
        "condense, random": ["condense", "--method", "random", "-i", archive, quiet],
        "condense, herding": ["condense", "--method", "herding", "--feature-steps", 20, "--cache", scratch / "cache",
                              "-i", compute.archive(context, compute.COLOUR), quiet],
        "fit, Koopcon": [*fit, out, quiet],
        "encode, Koopcon": ["encode", "-m", model, "-i", few, quiet],
        "fit, expansive": [*pretrain, out, quiet],
        "expand": ["expand", "-m", prior, "--batch", 10, "--steps", 10, "--ratio", 1, "-i", few, quiet],
        "evaluate": ["evaluate", "--train", few, "--test", compute.archive(context, compute.COLOUR), "--epochs", 10,
                     "--repeats", 1, quiet],
    }

    def run(program, words):
        remove(out)
        remove(scratch / "cache")
        return measure.run([program.pipe, *words], stdout=os.devnull)

    for name, words in commands.items():
        taken = measure.interleaved(
            3 if context.quick else 9, ours=lambda: run(context, words), before=lambda: run(before, words))
        ratio = statistics.median(old.wall / new.wall for old, new in zip(taken["before"], taken["ours"]))
        wall = median(taken["ours"], "wall")
        yield Row(
            part="revisions", work=name, unit="ms", ours=wall * 1e3, peer=wall * ratio * 1e3, peer_name="before",
            target=Target("ratio", BOUND),
            details=[("peak", max(usage.peak for usage in taken["ours"]) / 1e6, "MB"),
                     ("before's peak", max(usage.peak for usage in taken["before"]) / 1e6, "MB"),
                     ("processor", median(taken["ours"], "processor") * 1e3, "ms"),
                     ("before's processor", median(taken["before"], "processor") * 1e3, "ms")])
