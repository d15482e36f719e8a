"""Condensing and training beside PyTorch, and beside the machine's ceiling."""


def rows(context):
    """The rows of this part, one by one, as `report.Row`."""
    yield from ()
