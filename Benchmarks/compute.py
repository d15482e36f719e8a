"""Condensing and training beside PyTorch, and beside a loop of nothing but the same convolutions."""

import dataclasses
import io
import json
import os
import pathlib
import statistics
import subprocess
import tarfile
import time

import images
import measure
import profile_stages
from report import Row, Target

HERE = pathlib.Path(__file__).resolve().parent
PEERS = HERE / "peers"
CLASSES, REAL_PER_CLASS = 10, 256

# With glibc's defaults every large result is mapped anew, and its page faults cost more than the arithmetic.
TUNED_MALLOC = {
    "MALLOC_ARENA_MAX": "1", "MALLOC_MMAP_THRESHOLD_": "2000000000", "MALLOC_TRIM_THRESHOLD_": "4000000000",
}
SHIPPED, TUNED = "PyTorch as shipped", "PyTorch, tuned malloc"


@dataclasses.dataclass(frozen=True)
class Size:
    """The size of the images."""

    channels: int
    side: int

    def __str__(self):
        return f"{self.side}×{self.side}×{self.channels}"


COLOUR, GREY = Size(3, 32), Size(1, 28)


@dataclasses.dataclass(frozen=True)
class Condensing:
    """DM, M3D or KR-dual: 10 classes, 256 real images of each a step; KR-dual fits its potentials in 100 steps."""

    method: str
    factor: int
    per_class: int
    size: Size

    def __str__(self):
        name = {"dm": "DM", "m3d": f"M3D, factor {self.factor}", "kr-dual": "KR-dual"}[self.method]
        return f"{name}, {self.per_class} per class, {self.size}"

    unit = "steps/s"

    @property
    def images(self):
        """Training images of one step that have a gradient."""
        return CLASSES * self.per_class * self.factor**2

    def asked(self):
        return {"work": "condense", "method": self.method, "ipc": self.per_class, "factor": self.factor,
                **dataclasses.asdict(self.size)}

    def words(self, archive, steps):
        return ["condense", "--method", self.method, "--ipc", self.per_class, "--steps", steps, "--seed", 0,
                *(["--factor", self.factor] if self.method == "m3d" else []), "-i", archive, "-o", os.devnull]

    def convolutions(self, image):
        """Seconds of a step's convolutions: real images forward, synthetic ones forward and back to their pixels."""
        back = image["images"] + image["first images"]
        return CLASSES * REAL_PER_CLASS * image["forward"] + self.images * (image["forward"] + back)


@dataclasses.dataclass(frozen=True)
class Matching:
    """DC, DSA or IDC: 10 classes, 256 real images of each a step, with IDC 64.

    `epochs` of the network on the synthetic images follow each step of DC and DSA. IDC's networks stay as they are drawn.
    """

    method: str
    per_class: int
    epochs: int
    size: Size

    def __str__(self):
        name = {"dc": "DC", "dsa": "DSA", "idc-i": "IDC-I", "idc": "IDC, factor 2"}[self.method]
        after = f" and {self.epochs} epochs" if self.epochs else ""
        return f"{name}, {self.per_class} per class, matching{after}, {self.size}"

    unit = "steps/s"

    @property
    def factor(self):
        return 2 if self.method == "idc" else 1

    def asked(self):
        return {"work": "match", "method": self.method, "ipc": self.per_class, "factor": self.factor, "inner": self.epochs,
                **dataclasses.asdict(self.size)}

    def words(self, archive, steps):
        return ["condense", "--method", self.method, "--ipc", self.per_class, "--steps", steps, "--seed", 0,
                "--inner-loop", self.epochs,
                *(["--train-on", "real", "--early-epochs", 0] if self.method in ("idc-i", "idc") else []),
                "-i", archive, "-o", os.devnull]

    def convolutions(self, image):
        """Seconds of a step's convolutions.

        Real images go forward and back to the weights. So do synthetic ones, and what follows of the distance to their
        pixels takes, a layer: two passes forward (with the first layer, one) and two back to its images.
        """
        forward, back, weights = image["forward"], image["images"], image["weights"]
        trained = forward + back + weights
        second = 2 * forward - image["first forward"] + 2 * (back + image["first images"])
        real = CLASSES * (256 if self.method in ("dc", "dsa") else 64)
        images = CLASSES * self.per_class * self.factor**2
        return real * trained + images * (trained + second) + self.epochs * images * trained


@dataclasses.dataclass(frozen=True)
class Training:
    """A classifier under P-DSA in batches of 256; a step is one pass over the images."""

    images: int
    size: Size

    def __str__(self):
        return f"training on {self.images} images, {self.size}"

    unit = "images/s"

    def asked(self):
        return {"work": "train", "images": self.images, **dataclasses.asdict(self.size)}

    def words(self, archive, steps):
        # One pass more than epochs, as the protocol has it.
        return ["evaluate", "--train", training_set(archive, self.images), "--test", archive, "--repeats", 1,
                "--epochs", steps - 1]

    def convolutions(self, image):
        return self.images * (image["forward"] + image["images"] + image["weights"])


class Worker:
    """A process of PyTorch that does what it is asked for."""

    def __init__(self, python, tuned):
        # The environment's own bytecode stays where it is made.
        self.process = subprocess.Popen(
            [python, "-B", PEERS / "torch_worker.py"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env={**os.environ, **(TUNED_MALLOC if tuned else {})})

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait()

    def ask(self, **words):
        self.process.stdin.write(json.dumps(words) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise measure.Failed("the PyTorch peer ended before it answered")
        return json.loads(answer)


class Ours:
    """Runs of the program."""

    def __init__(self, context):
        self.context = context
        self.peak = 0

    def seconds(self, work, steps, *options):
        """Seconds of each step or pass, from the progress that the program reports; its start does not count."""
        command = [self.context.pipe, *work.words(archive(self.context, work.size), steps), *options, "--progress=json"]
        process = subprocess.Popen(
            [str(word) for word in command], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        reports, said, stage = [], [], None
        for line in process.stderr:
            said.append(line.decode(errors="replace"))
            event = json.loads(line)
            if event.get("event") == "progress" and event["unit"] in ("steps", "epochs"):
                # What comes before the steps, such as the training of networks, is a stage of its own.
                if event["stage"] != stage:
                    reports, stage = [], event["stage"]
                reports.append((event["done"], time.monotonic()))
        process.stderr.close()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode or len(reports) < 2:
            raise measure.Failed(f"{' '.join(map(str, command))} ended with {process.returncode}: {''.join(said[-3:])}")
        self.peak = usage.ru_maxrss * 1024
        pairs = zip(reports, reports[1:])
        return [(after - before) / (last - first) for (first, before), (last, after) in pairs for _ in range(last - first)]


def archive(context, size):
    """Drawn images in one of the layouts that the program reads: 10,000 for training, 1,000 for testing."""
    folder = context.folder / "data"
    folder.mkdir(exist_ok=True)
    path = folder / f"drawn-{size.side}x{size.side}x{size.channels}.tar"
    if path.exists():
        return path
    part = path.with_suffix(".part")
    with tarfile.open(part, "w") as tar:
        def member(name, data):
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))

        if size == COLOUR:
            for name in [f"data_batch_{number}.bin" for number in range(1, 6)] + ["test_batch.bin"]:
                count = 1_000 if name == "test_batch.bin" else 2_000
                member(name, b"".join(bytes([index % CLASSES]) + os.urandom(3 * 32 * 32) for index in range(count)))
        else:
            for name, count in [("train", 10_000), ("t10k", 1_000)]:
                head = b"".join(number.to_bytes(4, "big") for number in (0x803, count, size.side, size.side))
                member(f"{name}-images-idx3-ubyte", head + os.urandom(count * size.side**2))
                head = b"".join(number.to_bytes(4, "big") for number in (0x801, count))
                member(f"{name}-labels-idx1-ubyte", head + bytes(index % CLASSES for index in range(count)))
    part.rename(path)
    return path


def training_set(archive, images):
    """A stream of so many of the archive's images, made by `rows` before it is needed."""
    return archive.with_name(f"{archive.stem}-{images}.pipe")


def median_rate(work, seconds):
    """Steps or images a second, from the median step."""
    return (work.images if isinstance(work, Training) else 1) / statistics.median(seconds)


def steps_of(work, quick):
    """Enough for a few seconds."""
    few = 4 if quick else 6
    return few * 4 * max(1, 100 // work.images) if isinstance(work, Training) else few


class Bench:
    """Measures one work after the other, the program and its peers in turn."""

    def __init__(self, context, ours, workers):
        self.context, self.ours, self.workers = context, ours, workers
        self.rounds = 1 if context.quick else 2
        self.least = 1 if context.quick else 2

    def rows(self, work, shipped=None, tuned=None, share=None, precisions=("float32",), stages=False):
        """Rows of one work: against PyTorch as shipped and with a tuned malloc, and shares of both ceilings.

        `shipped` and `tuned` are the ratios that the project wants, `share` is a target for a precision's ceiling.
        """
        for worker in self.workers.values():
            worker.ask(**work.asked())
            worker.ask(work="step", least=0.001)
        ours = {precision: [] for precision in precisions}
        theirs = {name: [] for name in self.workers}
        alone = {"float32": [], "bfloat16": []}
        for _ in range(self.rounds):
            for precision, seconds in alone.items():
                image = self.workers[TUNED].ask(work="convolutions", type=precision, **dataclasses.asdict(work.size))
                seconds.append(work.convolutions(image))
            for precision in precisions:
                ours[precision] += self.ours.seconds(
                    work, steps_of(work, self.context.quick), "--precision", precision)
            for name, worker in self.workers.items():
                theirs[name] += worker.ask(work="step", least=self.least)["seconds"]
        where = profile_stages.of(self.context, work, archive(self.context, work.size)) if stages else []
        peers = {name: median_rate(work, seconds) for name, seconds in theirs.items()}
        ceilings = {precision: median_rate(work, seconds) for precision, seconds in alone.items()}
        for precision in precisions:
            rate = median_rate(work, ours[precision])
            label = str(work) if precision == "float32" else f"{work}, {precision}"
            rows = [
                (SHIPPED, shipped and Target("ratio", shipped), "float32"),
                (TUNED, tuned and Target("ratio", tuned), "bfloat16"),
            ]
            for number, (peer, target, ceiling) in enumerate(rows):
                yield Row(
                    part="compute", work=label, unit=work.unit, ours=rate, peer=peers[peer], peer_name=peer,
                    ceiling=ceilings[ceiling], ceiling_name=f"{ceiling} convolutions",
                    target=target if precision == "float32" else None,
                    details=self.details(work, rate) if number == 0 else [],
                    stages=where if number == 0 and precision == "float32" else [])
            if share and precision == "float32":
                ceiling, bound = share
                yield Row(
                    part="compute", work=f"{label}, share of the ceiling", unit=work.unit, ours=rate,
                    ceiling=ceilings[ceiling], ceiling_name=f"{ceiling} convolutions",
                    target=Target("share", bound))

    def details(self, work, rate):
        details = [("peak", self.ours.peak / 1e6, "MB")]
        if isinstance(work, Training):
            details.append(("1000 epochs", 1001 * work.images / rate, "s"))
        return details


def beside_dm(bench):
    """A step of KR-dual in steps of DM, both run in turn."""
    works = {method: Condensing(method, 1, 10, COLOUR) for method in ("dm", "kr-dual")}
    seconds = {method: [] for method in works}
    for _ in range(bench.rounds):
        for method, work in works.items():
            seconds[method] += bench.ours.seconds(work, steps_of(work, bench.context.quick))
    ratio = statistics.median(seconds["kr-dual"]) / statistics.median(seconds["dm"])
    yield Row(
        part="compute", work=f"a step of {works['kr-dual']}", unit="steps of DM", ours=ratio,
        target=Target("ours", 1.3, at_most=True))


def start_and_memory(bench, python):
    """Start of the tensor library and the verbs that need it, and the memory of a step."""
    context = bench.context
    tiny = Condensing("dm", 1, 1, COLOUR)
    small = [context.pipe, *tiny.words(archive(context, GREY), 1), "--width", "8", "--batch", "1", "--dry-run"]
    taken = measure.interleaved(
        3 if context.quick else 7,
        ours=lambda: measure.run(small),
        peer=lambda: measure.run([python, "-c", "import torch"]))
    middle = {name: statistics.median(usage.wall for usage in usages) * 1e3 for name, usages in taken.items()}
    yield Row(
        part="compute", work="start of condense: libtorch, 10,000 images read, an estimate", unit="ms",
        ours=middle["ours"], peer=middle["peer"], peer_name="import torch",
        details=[("peak", max(usage.peak for usage in taken["ours"]) / 1e6, "MB")])
    work = Condensing("dm", 1, 10, COLOUR)
    bench.ours.seconds(work, 3)
    with Worker(python, tuned=False) as fresh:
        fresh.ask(**work.asked())
        peak = fresh.ask(work="step", least=0.001)["peak"]
    yield Row(
        part="compute", work=f"memory of {work}", unit="MB", ours=bench.ours.peak / 1e6, peer=peak / 1e6,
        peer_name=SHIPPED)


def verbs(bench):
    """From the call to the end, and peak memory, of the verbs that need tensors, where there is next to nothing to do."""
    context = bench.context
    few = images.made(context, "few-hundred.tar", "archive", "--count", 200)
    place = {name: context.folder / f"verbs-{name}" for name in ("model", "prior", "latents", "attended", "few", "out")}
    tiny = ["--steps", 1, "--batch", 10]
    model = ["-m", place["model"]]
    for name, words, out in [
        ("fit", ["--ipc", 1, "--width", 8, *tiny, "-i", few], "model"),
        ("encode", [*model, "-i", few], "latents"),
        ("attend", [*model, "-i", place["latents"]], "attended"),
        ("condense -m", ["-m", place["model"], "-i", place["attended"]], "few"),
        ("decode -m", ["-m", place["model"], "-i", place["few"]], "out"),
        ("fit --method expansive", [*tiny, "-i", few], "prior"),
        ("expand", ["-m", place["prior"], *tiny, "--ratio", 1, "-i", few], "out"),
        ("condense", ["--method", "dm", "--ipc", 1, "--width", 8, *tiny, "-i", few], "out"),
        ("evaluate", ["--train", few, "--test", archive(context, COLOUR), "--epochs", 1, "--repeats", 1, "--width", 8], None),
    ]:
        verb, *more = name.removesuffix(" -m").split()
        usages = []
        for _ in range(3):
            if out:
                place[out].unlink(missing_ok=True)
            usages.append(measure.run([context.pipe, verb, *more, *words, *(["-o", place[out]] if out else [])]))
        yield Row(
            part="compute", work=f"start-up of {name}", unit="ms",
            ours=statistics.median(usage.wall for usage in usages) * 1e3,
            details=[("peak", max(usage.peak for usage in usages) / 1e6, "MB")])


def rows(context):
    """The rows of this part, one by one, as `report.Row`."""
    quick = context.quick
    python = context.python
    ours = Ours(context)
    for images in (100, 400):
        path = training_set(archive(context, COLOUR), images)
        if not path.exists():
            measure.run([context.pipe, "condense", "--method", "random", "--ipc", images // CLASSES,
                         "-i", archive(context, COLOUR), "-o", path])
    with Worker(python, tuned=False) as shipped, Worker(python, tuned=True) as tuned:
        bench = Bench(context, ours, {SHIPPED: shipped, TUNED: tuned})
        both = ("float32",) if quick else ("float32", "bfloat16")
        yield from bench.rows(
            Condensing("dm", 1, 10, COLOUR), shipped=6, tuned=2.6, share=("bfloat16", 0.6), precisions=both, stages=True)
        yield from bench.rows(
            Condensing("m3d", 2, 10, COLOUR), shipped=6, tuned=2.6, share=("bfloat16", 0.6), precisions=both, stages=True)
        yield from bench.rows(
            Training(400, COLOUR), shipped=3, share=("float32", 0.55), precisions=both, stages=True)
        yield from bench.rows(Training(100, COLOUR), shipped=3, share=("float32", 0.55))
        yield from bench.rows(Condensing("kr-dual", 1, 10, COLOUR), stages=True)
        yield from beside_dm(bench)
        yield from bench.rows(Matching("idc-i", 10, 0, COLOUR), tuned=3, stages=True)
        if not quick:
            for method, epochs in (("idc", 0), ("dc", 0), ("dsa", 0), ("dc", 50), ("dsa", 50)):
                yield from bench.rows(Matching(method, 10, epochs, COLOUR), tuned=3, stages=True)
            for size in (COLOUR, GREY):
                for method, factor in (("dm", 1), ("m3d", 1), ("m3d", 2)):
                    for per_class in (1, 10, 50):
                        work = Condensing(method, factor, per_class, size)
                        if size == GREY or per_class != 10 or (method, factor) == ("m3d", 1):
                            yield from bench.rows(work)
        yield from start_and_memory(bench, python)
        yield from verbs(bench)
