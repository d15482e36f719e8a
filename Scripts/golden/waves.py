"""What the golden scripts share: inputs that the tests make too, and a file of named results."""
import json

import numpy as np

golden = {}


def wave(shape, a, b, scale=1.0):
    """scale · sin(a·i + b) in the given shape, float64."""
    n = int(np.prod(shape))
    return (scale * np.sin(a * np.arange(n, dtype=np.float64) + b)).reshape(shape)


def scatter(shape, seed, scale=1.0, offset=0.0):
    """offset + scale · u in the given shape, float32: u of [-1, 1) by a hash of seed and place, which has no pattern to cancel."""
    place = np.arange(1, int(np.prod(shape)) + 1, dtype=np.uint64)
    with np.errstate(over="ignore"):
        x = place * np.uint64(0x9E3779B97F4A7C15) + np.uint64(seed) * np.uint64(0xD1B54A32D192ED03)
        x = (x ^ x >> np.uint64(32)) * np.uint64(0xD6E8FEB86659FD93)
        x = x ^ x >> np.uint64(32)
    u = (x >> np.uint64(40)).astype(np.float64) * 2.0 ** -23 - 1
    return (offset + scale * u).astype(np.float32).reshape(shape)


def keep(name, array):
    """Keeps a result, rounded to nine digits."""
    array = np.asarray(array, dtype=np.float64)
    golden[name] = {"shape": list(array.shape), "values": [float("%.9g" % v) for v in array.reshape(-1)]}


def write():
    """Writes what was kept to the standard output, a result a line."""
    lines = ["%s: %s" % (json.dumps(name), json.dumps(value, separators=(",", ":"))) for name, value in golden.items()]
    print("{\n" + ",\n".join(lines) + "\n}")
