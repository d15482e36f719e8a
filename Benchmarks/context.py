"""What every part of the benchmark is given."""

import dataclasses
import pathlib
import typing


@dataclasses.dataclass
class Context:
    """Programs, data and places."""

    pipe: pathlib.Path
    # An older build to compare with, or nothing.
    before: pathlib.Path | None
    # The virtual environment's interpreter, with the part's peers installed (`requirements-PART.txt`).
    python: pathlib.Path
    # For everything that is made; kept between runs only when the user names it.
    folder: pathlib.Path
    # CIFAR-10's binary layout in a tar, or nothing; `images.archive(context)` then draws one.
    cifar10: pathlib.Path | None
    # A folder of JPEG files, or nothing; `images.photographs(context)` then draws some.
    photos: pathlib.Path | None
    # Less data and fewer repeats.
    quick: bool
    # Says what is going on.
    say: typing.Callable[[str], None]
