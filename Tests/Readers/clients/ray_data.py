"""ray.data.read_webdataset."""

import glob
import io
import sys

import PIL.Image
import ray

import lines

lines.version(ray)
ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
ray.data.DataContext.get_current().enable_progress_bars = False


def decode(sample):
    import numpy

    for name, value in list(sample.items()):
        if name == "png":
            sample[name] = numpy.asarray(PIL.Image.open(io.BytesIO(value)))
        elif name.endswith("npy"):
            sample[name] = numpy.load(io.BytesIO(value), allow_pickle=False)
    return sample


for row in ray.data.read_webdataset(sorted(glob.glob(sys.argv[1] + "/*.tar*")), decoder=decode).iter_rows():
    lines.fields(row["__key__"], row)
