"""Streams and shards beside webdataset, tarfile, Pillow and the C libraries alone."""


def rows(context):
    """The rows of this part, one by one, as `report.Row`."""
    yield from ()
