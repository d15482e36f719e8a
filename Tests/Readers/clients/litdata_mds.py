"""litdata, of an export to MDS with --zstd; what it knows no column for, images and arrays, two short classes read."""

import io
import sys

import litdata
import numpy
import PIL.Image
from litdata.streaming.serializers import Serializer

import lines


class Column(Serializer):
    def serialize(self, data):
        raise NotImplementedError

    def can_serialize(self, data):
        return False


class PNG(Column):
    def deserialize(self, data):
        return PIL.Image.open(io.BytesIO(data))


class NDArray(Column):
    """`ndarray:float32:3,32,32`."""

    def setup(self, metadata):
        _, self.dtype, shape = metadata.split(":")
        self.shape = [int(extent) for extent in shape.split(",")]

    def deserialize(self, data):
        return numpy.frombuffer(data, self.dtype).reshape(self.shape)


class Loader(litdata.streaming.item_loader.PyTreeLoader):
    """Takes the first word of a column's type for its name; litdata 0.2 knows types of two words only."""

    def _data_format_to_key(self, data_format):
        return data_format.split(":")[0]


def main():
    lines.version(litdata)
    columns = {"png": PNG(), "ndarray": NDArray()}
    dataset = litdata.StreamingDataset(sys.argv[1], item_loader=Loader(), serializers=columns, shuffle=False)
    for place in range(len(dataset)):
        sample = dataset[place]
        key = sample["key"]
        if "soft_label" in sample:
            lines.floats(key, "npy", sample["image"])
            lines.floats(key, "soft.npy", sample["soft_label"])
        else:
            lines.image(key, "png", sample["image"])
        lines.label(key, sample["label"])
        if "metadata" in sample:
            lines.metadata(key, sample["metadata"])


if __name__ == "__main__":
    main()
