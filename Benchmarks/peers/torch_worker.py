#!/usr/bin/env python3
"""Does what the benchmark asks for, in PyTorch, and says how long it took.

Reads one JSON object a line and answers with one:
  {"work": "condense", "method": "dm"|"m3d"|"kr-dual", "ipc", "factor", "channels", "side"}
                                            prepares; later steps are its steps
  {"work": "match", "method": "dc"|"dsa"|"idc-i"|"idc", "ipc", "factor", "inner", "channels", "side"}
                                            the same; inner: epochs of the network after a step
  {"work": "train", "images", "channels", "side"}
                                            prepares; later steps are passes
  {"work": "step", "least": s}              steps until s seconds have passed: {"seconds": [of each step], "peak": bytes}
  {"work": "convolutions", "type": "float32"|"bfloat16", "channels", "side"}        seconds of an image in nothing but the
                                            convolutions of a ConvNet-3: {"forward", "images", "weights", "first forward",
                                            "first images"}
Images are drawn: what they show changes no time.
"""
import json, resource, sys, time

import torch

from torch_condense import Condensing, Training
from torch_matching import Matching

CLASSES = 10


def prepared(asked, g):
    """The function that does one step of the work."""
    shape = (asked["channels"], asked["side"], asked["side"])
    if asked["work"] == "train":
        labels = torch.arange(asked["images"]) % CLASSES
        return Training(torch.randn(asked["images"], *shape, generator=g), labels, CLASSES, 1000, g).sweep
    real = [torch.randn(1000, *shape, generator=g) for _ in range(CLASSES)]
    if asked["work"] == "match":
        return Matching(asked["method"], real, asked["ipc"], asked["factor"], inner=asked["inner"], g=g).step
    return Condensing(asked["method"], real, asked["ipc"], asked["factor"], g=g).step


def timed(body):
    start = time.perf_counter()
    body()
    return time.perf_counter() - start


def convolutions(dtype, channels, padding, count=64, repeats=3):
    """Seconds of one image: forward, the gradients back to the image, the gradients of the weights.

    "images" is without the first convolution, "first images" is that one; "first forward" is a part of "forward". In both
    memory orders; the quicker one counts.
    """
    found = []
    for order in (torch.contiguous_format, torch.channels_last):
        totals = {"forward": 0.0, "images": 0.0, "weights": 0.0, "first forward": 0.0, "first images": 0.0}
        for layer, (inputs, side) in enumerate([(channels, 32), (128, 16), (128, 8)]):
            pad = padding if layer == 0 else 1
            x = torch.randn(count, inputs, side + 2 - 2 * pad, side + 2 - 2 * pad).to(dtype).contiguous(memory_format=order)
            w, b = torch.randn(128, inputs, 3, 3).to(dtype).contiguous(memory_format=order), torch.randn(128).to(dtype)
            y = torch.nn.functional.conv2d(x, w, b, padding=pad)
            dy = torch.randn_like(y)

            def backward(mask):
                torch.ops.aten.convolution_backward(dy, x, w, [128], [1, 1], [pad, pad], [1, 1], False, [0, 0], 1, mask)

            jobs = {
                "forward": lambda: torch.nn.functional.conv2d(x, w, b, padding=pad),
                "images": lambda: backward([True, False, False]),
                "weights": lambda: backward([False, True, False]),
            }
            for name, job in jobs.items():
                job()
                seconds = sorted(timed(job) for _ in range(repeats))[repeats // 2] / count
                totals["first images" if layer == 0 and name == "images" else name] += seconds
                if layer == 0 and name == "forward":
                    totals["first forward"] = seconds
        found.append(totals)
    return {name: min(totals[name] for totals in found) for name in found[0]}


def main():
    torch.manual_seed(0)
    g = torch.Generator().manual_seed(0)
    step = None
    for line in sys.stdin:
        asked = json.loads(line)
        if asked["work"] == "step":
            seconds = []
            while sum(seconds) < asked["least"]:
                seconds.append(timed(step))
            answer = {"seconds": seconds, "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}
        elif asked["work"] == "convolutions":
            with torch.no_grad():
                answer = convolutions(getattr(torch, asked["type"]), asked["channels"], 1 if asked["side"] == 32 else 3)
        else:
            step = prepared(asked, g)
            answer = {"version": torch.__version__, "threads": torch.get_num_threads()}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
