"""Python's tarfile and NumPy."""

import glob
import io
import sys
import tarfile

import numpy
import PIL.Image

import lines

lines.version(numpy)
for path in sorted(glob.glob(sys.argv[1] + "/*.tar*")):
    with tarfile.open(path) as archive:
        for member in archive:
            key, field = member.name.split(".", 1)
            data = io.BytesIO(archive.extractfile(member).read())
            if field == "png":
                lines.fields(key, {field: PIL.Image.open(data)})
            elif field.endswith("npy"):
                lines.fields(key, {field: numpy.load(data, allow_pickle=False)})
            else:
                lines.fields(key, {field: data.read()})
