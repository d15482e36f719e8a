"""Writes a PyTorch dataset of (image, label) pairs as a WebDataset stream: `python mine.py | pipe condense`."""
import io, sys, tarfile, numpy


def write_dataset(dataset, classes=None, file=sys.stdout.buffer):
    """Images: Pillow's; arrays H×W×C of bytes; tensors C×H×W, of bytes or from 0 to 1. `classes`: names in index order, if not the dataset's own."""
    classes = classes or getattr(dataset, "classes", None) or []
    with tarfile.open(fileobj=file, mode="w|", format=tarfile.USTAR_FORMAT) as tar:
        def write(name, data):
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
        if classes: write("__dataset__/classes.txt", "".join(" ".join(name.split()) + "\n" for name in classes).encode())
        for number in range(len(dataset)):
            image, label = dataset[number]
            buffer = io.BytesIO()
            numpy.save(buffer, pixels(image))
            write(f"{number:09d}.npy", buffer.getvalue())
            write(f"{number:09d}.cls", str(int(label)).encode())


def pixels(image):
    """Bytes H×W or H×W×3."""
    if hasattr(image, "convert") and image.mode not in ("L", "RGB"):
        assert image.mode in ("1", "P", "LA", "PA", "RGBA", "CMYK", "YCbCr"), f"convert mode {image.mode} to L or RGB"
        image = image.convert("L" if image.mode in ("1", "LA") else "RGB")
    values = numpy.asarray(image)
    if hasattr(image, "numpy") and values.ndim == 3: values = numpy.moveaxis(values, 0, -1)
    if values.dtype.kind == "f":
        assert values.min() >= 0 and values.max() <= 1, "take the normalisation out of the transform"
        values = (values * 255).round().astype(numpy.uint8)
    assert values.dtype == numpy.uint8, f"images of type {values.dtype}: give bytes, or floats from 0 to 1"
    return numpy.ascontiguousarray(values)
