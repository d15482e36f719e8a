"""torch's DataLoader over webdataset, with N workers."""

import glob
import io
import sys

import PIL.Image
import torch
import webdataset

import lines

image = webdataset.handle_extension("png", lambda data: PIL.Image.open(io.BytesIO(data)))


def main():
    lines.version(torch, webdataset)
    urls = sorted(glob.glob(sys.argv[1] + "/*.tar*"))
    dataset = webdataset.WebDataset(urls, shardshuffle=False).decode(image)
    for sample in torch.utils.data.DataLoader(dataset, batch_size=None, num_workers=int(sys.argv[2])):
        sample = {name: value.numpy() if isinstance(value, torch.Tensor) else value for name, value in sample.items()}
        lines.fields(sample["__key__"], sample)


if __name__ == "__main__":
    main()
