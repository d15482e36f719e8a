"""Where the processor time of a step goes, by sampling with Linux's perf; nothing where there is none."""

import os
import re
import shutil
import subprocess

# From the innermost frame outwards, the first frame that one of these knows names the stage.
STAGES = [
    ("first block", r"run_first_block|FirstBlock"),
    ("convolutions", r"run_convolution|run_gradient_|run_filter|convolve|weight_gradient|transformed_filters|Convolution3x3"),
    ("norm and pool", r"run_forward|run_backward|NormReluPool"),
    ("augmentation", r"Transformation|augmented"),
    ("sampling", r"realBatch|ClassStoreC6images|NormalizationV10normalized"),
    ("loss", r"squaredMMD|4Gram|squaredLength|logSoftmax|GradientDistance|9PotentialV"),
    ("step", r"ImageOptimization|SGDV4step|ct_sgd_step"),
    ("network's weights", r"NetworkV_5(using|drawn)|RandomSourceV"),
    ("autograd and the rest", r"."),
]
# What comes before the first step, or after the last.
OUTSIDE = r"ClassStoreBuilder|measured2on|measuredRate|accuracy2of"
INSIDE = r"condense_6counts|trainedClassifier"


def of(context, work, archive):
    """Seconds of each stage in a run of a few steps on one thread, most first; empty where perf cannot be used."""
    perf = shutil.which("perf")
    if not perf:
        context.say("no stages: perf (Debian's linux-perf) is not installed")
        return []
    steps, rate = 4 if context.quick else 8, 199
    data = context.folder / "perf.data"
    words = work.words(archive, steps if work.unit == "steps/s" else 4 * steps)
    command = [context.pipe, *words, "--threads", 1, "--progress=never"]
    record = [perf, "record", "-q", "-e", "cpu-clock", "-F", rate, "--call-graph", "dwarf,16384", "-o", data, "--", *command]
    done = subprocess.run([str(word) for word in record], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    if done.returncode:
        context.say(f"no stages: perf record ended with {done.returncode}: {done.stderr.decode(errors='replace').strip()}")
        return []
    script = subprocess.run(
        [perf, "script", "-i", data, "--no-inline", "-F", "comm,ip,sym"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        text=True, errors="replace", env={**os.environ, "LC_ALL": "C"})
    data.unlink()
    seconds = dict.fromkeys(name for name, _ in STAGES)
    for stack in script.stdout.split("\n\n"):
        frames = stack.strip().split("\n")[1:]
        whole = "\n".join(frames)
        if re.search(INSIDE, whole) and not re.search(OUTSIDE, whole):
            name = stage(frames)
            seconds[name] = (seconds[name] or 0) + 1 / rate
    return sorted(((name, value) for name, value in seconds.items() if value), key=lambda pair: -pair[1])


def stage(frames):
    """The name of a stack's stage."""
    for frame in frames:
        for name, pattern in STAGES[:-1]:
            if re.search(pattern, frame):
                return name
    return STAGES[-1][0]
