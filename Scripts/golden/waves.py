"""What the golden scripts share: inputs that the tests make too, and a file of named results."""
import json

import numpy as np

golden = {}


def wave(shape, a, b, scale=1.0):
    """scale · sin(a·i + b) in the given shape, float64."""
    n = int(np.prod(shape))
    return (scale * np.sin(a * np.arange(n, dtype=np.float64) + b)).reshape(shape)


def keep(name, array):
    """Keeps a result, rounded to nine digits."""
    array = np.asarray(array, dtype=np.float64)
    golden[name] = {"shape": list(array.shape), "values": [float("%.9g" % v) for v in array.reshape(-1)]}


def write():
    """Writes what was kept to the standard output, a result a line."""
    lines = ["%s: %s" % (json.dumps(name), json.dumps(value, separators=(",", ":"))) for name, value in golden.items()]
    print("{\n" + ",\n".join(lines) + "\n}")
