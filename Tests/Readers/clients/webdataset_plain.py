"""The package webdataset; an argument `pipe:COMMAND` is read as a stream."""

import glob
import io
import os
import sys

os.environ["WDS_SECURE"] = "1" if not sys.argv[1].startswith("pipe:") else "0"

import PIL.Image
import webdataset

import lines

lines.version(webdataset)
urls = sys.argv[1] if sys.argv[1].startswith("pipe:") else sorted(glob.glob(sys.argv[1] + "/*.tar*"))
# Its own "pil" would turn grey images into colour ones.
image = webdataset.handle_extension("png", lambda data: PIL.Image.open(io.BytesIO(data)))
for sample in webdataset.WebDataset(urls, shardshuffle=False).decode(image):
    lines.fields(sample["__key__"], sample)
