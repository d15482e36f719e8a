"""GNU tar, which unpacks the shards into files; these are read by the standard library."""

import glob
import json
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "Tests" / "Readers"))

import importlib.machinery
import importlib.util

import samples

# The decoders of PNG and npy that need no package.
loader = importlib.machinery.SourceFileLoader("read_shards", str(ROOT / "Scripts" / "read-shards.py"))
decode = importlib.util.module_from_spec(importlib.util.spec_from_loader("read_shards", loader))
loader.exec_module(decode)

print("version", subprocess.run(["tar", "--version"], stdout=subprocess.PIPE, text=True, check=True).stdout.split("\n")[0])
with tempfile.TemporaryDirectory() as folder:
    for path in sorted(glob.glob(sys.argv[1] + "/*.tar*")):
        subprocess.run(["tar", "xf", path, "-C", folder], check=True)
    for file in sorted(pathlib.Path(folder).iterdir()):
        key, field = file.name.split(".", 1)
        data = file.read_bytes()
        if field == "png":
            shape, data = decode.decode_png(data)
        elif field.endswith("npy"):
            shape, data = decode.decode_npy(data)
        else:
            shape = ()
            if field == "json":
                data = json.dumps(json.loads(data), sort_keys=True, separators=(",", ":")).encode()
        print(samples.line(key, field, shape, data))
