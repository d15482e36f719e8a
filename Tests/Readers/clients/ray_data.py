"""ray.data.read_webdataset, which decodes every field by itself."""

import glob
import sys

import ray

import lines

lines.version(ray)
ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
ray.data.DataContext.get_current().enable_progress_bars = False
for row in ray.data.read_webdataset(sorted(glob.glob(sys.argv[1] + "/*.tar*"))).iter_rows():
    lines.fields(row["__key__"], row)
