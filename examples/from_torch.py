"""Writes a PyTorch dataset of (image, label) pairs as a WebDataset stream: `python mine.py | pipe condense`."""
import io, sys, tarfile, numpy


def write_dataset(dataset, classes=None, file=sys.stdout.buffer):
    """Images are Pillow's, bytes H×W×C or floats C×H×W from 0 to 1; `classes` are the names in index order, if not the dataset's own."""
    classes = classes or getattr(dataset, "classes", None) or []
    with tarfile.open(fileobj=file, mode="w|", format=tarfile.USTAR_FORMAT) as tar:
        def write(name, data):
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
        if classes: write("__dataset__/classes.txt", "".join(f"{name}\n" for name in classes).encode())
        for number in range(len(dataset)):
            image, label = dataset[number]
            pixels, buffer = numpy.asarray(image), io.BytesIO()
            if pixels.dtype.kind == "f":
                assert pixels.min() >= 0 and pixels.max() <= 1, "take the normalisation out of the transform"
                pixels = (pixels * 255).round().astype(numpy.uint8)
                pixels = pixels.transpose(1, 2, 0) if pixels.ndim == 3 else pixels
            numpy.save(buffer, numpy.ascontiguousarray(pixels))
            write(f"{number:09d}.npy", buffer.getvalue())
            write(f"{number:09d}.cls", str(int(label)).encode())
