"""Time and memory of processes.

This process stays small (no NumPy here): a child's peak memory counts from that of the process it was started by.
"""

import dataclasses
import os
import subprocess
import time


@dataclasses.dataclass
class Usage:
    """What a process, or a pipeline of them, took."""

    # Seconds from the first start to the last end.
    wall: float
    # Seconds of processor time, all threads and processes together.
    processor: float
    # Bytes, of the largest process.
    peak: int
    # What the last one wrote to its standard output, where that was not sent elsewhere.
    output: bytes = b""
    # What all of them wrote to their standard error.
    said: str = ""


class Failed(Exception):
    """A measured command that did not end well."""


def run(*commands, stdin=None, stdout=None, environment=None):
    """Runs commands as a shell pipe, the first reading the file `stdin`, the last writing the file `stdout`.

    `stdout` is a path, or `subprocess.PIPE` to get a short output back. Raises `Failed` with what was said.
    """
    variables = {**os.environ, **(environment or {})}
    commands = [[str(word) for word in command] for command in commands]
    source = open(stdin or os.devnull, "rb")
    processes, started = [], time.monotonic()
    for index, command in enumerate(commands):
        last = index == len(commands) - 1
        sink = subprocess.PIPE if not last or stdout is subprocess.PIPE else open(stdout or os.devnull, "wb")
        process = subprocess.Popen(command, stdin=source, stdout=sink, stderr=subprocess.PIPE, env=variables)
        source.close()
        if sink is not subprocess.PIPE:
            sink.close()
        source = process.stdout
        processes.append(process)
    output = source.read() if source else b""
    usages, words = [], ""
    for command, process in zip(commands, processes):
        said = process.stderr.read().decode(errors="replace")
        words += said
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise Failed(f"{' '.join(command)} ended with {process.returncode}: {said.strip()}")
        usages.append(usage)
    return Usage(
        wall=time.monotonic() - started, processor=sum(usage.ru_utime + usage.ru_stime for usage in usages),
        peak=max(usage.ru_maxrss for usage in usages) * 1024, output=output, said=words,
    )


def interleaved(repeats, **jobs):
    """Runs every job in turn, `repeats` times: what disturbs the machine disturbs them alike. Lists of results by name."""
    results = {name: [] for name in jobs}
    for _ in range(repeats):
        for name, job in jobs.items():
            results[name].append(job())
    return results
