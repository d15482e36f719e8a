#!/usr/bin/env python3
"""Condense a dataset on a Ray cluster: a task for each group of classes, repeated where a worker is lost, and one merge.

    python3 condense_ray.py --parts 32 --work /shared/parts -o /shared/small -- --method dm --steps 1000 --ipc 10 -i /shared/photos

What follows -- are options of `pipe condense`, which is installed on all nodes; the folders are on a file system that they share. Classes
are never alike: with some more parts than workers, a worker that is done early takes another one. The same line again makes only the
parts that are not there yet; other options or other data need another folder for their parts.
"""

import argparse
import ctypes
import json
import os
import signal
import subprocess
import sys

import ray


class Again(Exception):
    """A part that was not finished for a reason that may pass: a killed process, or exit code 75."""


class Refused(Exception):
    """A part that would be refused again: wrong options, damaged input."""


def end_with_worker():
    """A process goes when the worker that started it is killed, so that the next attempt has the folder for itself."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def make_part(part, parts, folder, options):
    """Makes one part, and gives its folder; a part appears whole or not at all."""
    if os.path.exists(f"{folder}/pipe.manifest"):
        return folder
    condense = subprocess.Popen(
        ["pipe", "condense", "--partition", f"{part}/{parts}", *options],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=end_with_worker)
    shard = subprocess.Popen(
        ["pipe", "shard", "-q", "-o", folder], stdin=condense.stdout, stderr=subprocess.PIPE, preexec_fn=end_with_worker)
    condense.stdout.close()
    said = condense.stderr.read().decode(errors="replace")
    wrote = shard.communicate()[1].decode(errors="replace")
    codes = [condense.wait(), shard.wait()]
    if codes == [0, 0]:
        return folder
    last = (said.strip().splitlines() or [""])[-1] + " " + (wrote.strip().splitlines() or [""])[-1]
    message = f"part {part} of {parts}: exit codes {codes}: {last}"
    if any(code < 0 or code >= 128 or code in (74, 75) for code in codes):
        raise Again(message)
    raise Refused(message)


def main():
    words = sys.argv[1:]
    split = words.index("--") if "--" in words else len(words)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parts", type=int, required=True, help="number of groups of classes")
    parser.add_argument("--work", required=True, help="folder for the parts")
    parser.add_argument("-o", "--output", required=True, help="folder for the result")
    parser.add_argument("--address", help="of the cluster; without it, Ray's own rules")
    parser.add_argument("--cpus", type=float, default=1, help="CPUs of a task")
    parser.add_argument("--retries", type=int, default=3, help="attempts to repeat a part")
    arguments = parser.parse_args(words[:split])
    options = words[split + 1:]

    if os.path.exists(arguments.output):
        sys.exit(f"{arguments.output} exists")
    os.makedirs(arguments.work, exist_ok=True)
    asked = f"{arguments.work}/options.json"
    if os.path.exists(asked) and json.load(open(asked)) != options:
        sys.exit(f"{arguments.work} has parts of a run with other options: {' '.join(json.load(open(asked)))}")
    with open(asked, "w") as file:
        json.dump(options, file)
    ray.init(address=arguments.address, log_to_driver=False, logging_level="warning")
    task = ray.remote(make_part).options(
        num_cpus=arguments.cpus, max_retries=arguments.retries, retry_exceptions=[Again], scheduling_strategy="SPREAD")
    parts = arguments.parts
    folders = [os.path.abspath(f"{arguments.work}/part-{part}-of-{parts}") for part in range(1, parts + 1)]
    waiting = [task.remote(part, parts, folder, options) for part, folder in enumerate(folders, 1)]
    while waiting:
        done, waiting = ray.wait(waiting)
        try:
            print("made", ray.get(done[0]), flush=True)
        except Exception as error:
            for other in waiting:
                ray.cancel(other, force=True)
            sys.exit(f"{getattr(error, 'cause', None) or error}")
    sys.exit(subprocess.run(["pipe", "merge", "-q", *folders, "-o", arguments.output]).returncode)


if __name__ == "__main__":
    main()
