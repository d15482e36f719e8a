"""What every client prints: its version, then a line `KEY FIELD SHAPE SHA256` for each field that it decoded.

SHAPE and SHA256 are of the decoded value: pixels H x W x C, array values in C order as float32, the class index in digits,
JSON with sorted keys. A key that a format does not hold is `#N`, the place in reading order.
"""

import hashlib
import json


def version(*modules):
    print("version", ", ".join(f"{module.__name__} {module.__version__}" for module in modules), flush=True)


def line(key, field, shape, value):
    print(key, field, "x".join(map(str, shape)) or "-", hashlib.sha256(value).hexdigest(), flush=True)


def image(key, field, picture):
    """A PIL image or an array H x W x C of bytes."""
    import numpy

    pixels = numpy.asarray(picture)
    assert pixels.dtype == numpy.uint8, pixels.dtype
    pixels = pixels if pixels.ndim == 3 else pixels[:, :, None]
    line(key, field, pixels.shape, numpy.ascontiguousarray(pixels).tobytes())


def floats(key, field, values, exact=True):
    """An array of float32; nested lists of numbers where `exact` is false."""
    import numpy

    array = numpy.asarray(values) if exact else numpy.asarray(values, numpy.float32)
    assert array.dtype == numpy.float32, array.dtype
    line(key, field, array.shape, numpy.ascontiguousarray(array).tobytes())


def label(key, value):
    line(key, "cls", (), str(int(value)).encode())


def metadata(key, value):
    """A JSON document, or what was read of one."""
    value = json.loads(value) if isinstance(value, (str, bytes)) else value
    line(key, "json", (), json.dumps(value, sort_keys=True, separators=(",", ":")).encode())


def fields(key, sample):
    """A sample of a WebDataset that was decoded, by the names of its fields."""
    for field, value in sample.items():
        if field == "png":
            image(key, field, value)
        elif field.endswith("npy"):
            floats(key, field, value)
        elif field == "cls":
            label(key, value)
        elif field == "json":
            metadata(key, value)
        elif not field.startswith("__"):
            raise AssertionError(f"an unexpected field {field}")
