#!/usr/bin/env python3
"""Parts of a run side by side: wall time, bytes read and memory with 1, 2 and 4 workers on this machine, and that all give the same bytes.

    Scripts/draw-many-classes > many.tar && pipe shard --by-class --shards 50 -i many.tar -o many
    Benchmarks/machines.py FOLDER-WITH-PIPE many [OPTIONS-OF-PIPE-CONDENSE…]

Bytes are those that a process asked the system for (rchar), its libraries included. Every worker has one thread.
"""
import filecmp
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import threading
import time

programs, dataset, *options = sys.argv[1:]
options = options or ["--method", "dm", "--steps", "4", "--ipc", "1", "--width", "32"]
os.environ["PATH"] = f"{os.path.abspath(programs)}:{os.environ['PATH']}"
dataset = os.path.abspath(dataset)


def watched(words, output):
    """Runs a program; seconds, bytes read, and the largest resident memory of it."""
    with open(output, "wb") as file:
        start = time.monotonic()
        process = subprocess.Popen(words, stdout=file)
    read = 0

    def poll():
        nonlocal read
        while True:
            try:
                read = int(open(f"/proc/{process.pid}/io").readline().split()[1])
            except (OSError, ValueError, IndexError):
                return
            time.sleep(0.02)

    thread = threading.Thread(target=poll)
    thread.start()
    _, status, usage = os.wait4(process.pid, 0)
    thread.join()
    if status:
        sys.exit(f"{words} ended with {status}")
    return time.monotonic() - start, read, usage.ru_maxrss * 1024, usage.ru_utime + usage.ru_stime


def both(*folders):
    same, different, wrong = filecmp.cmpfiles(*folders, os.listdir(folders[0]), shallow=False)
    return len(same) == len(os.listdir(folders[1])) and not different and not wrong


size = sum(file.stat().st_size for file in pathlib.Path(dataset).iterdir())
with tempfile.TemporaryDirectory() as folder:
    os.chdir(folder)
    print(f"{dataset}: {size / 1e6:.0f} MB; {os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}; {' '.join(options)}")
    print("workers  wall s  s of processors  MB read by a worker, at most  MiB of memory, at most  merge s")
    for workers in [0, 1, 2, 4]:
        results = [None] * max(1, workers)

        def work(number):
            part = ["--partition", f"{number + 1}/{workers}"] if workers else []
            words = ["pipe", "condense", "-q", *options, "--threads", "1", *part, "-i", dataset]
            results[number] = watched(words, f"{workers}-{number}.tar")

        start = time.monotonic()
        threads = [threading.Thread(target=work, args=[number]) for number in range(max(1, workers))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        wall = time.monotonic() - start
        for number in range(max(1, workers)):
            subprocess.run(["pipe", "shard", "-q", "-i", f"{workers}-{number}.tar", "-o", f"{workers}-{number}"], check=True)
        start = time.monotonic()
        if workers:
            parts = [f"{workers}-{number}" for number in range(workers)]
            subprocess.run(["pipe", "merge", "-q", *parts, "-o", f"whole-{workers}"], check=True)
        else:
            os.rename("0-0", "whole-0")
        merge = time.monotonic() - start
        most = [max(result[place] for result in results) for place in range(3)]
        spent = sum(result[3] for result in results)
        name = workers or "one run"
        print(f"{name:>7}  {wall:6.1f}  {spent:15.1f}  {most[1] / 1e6:28.0f}  {most[2] / 2**20:22.0f}  {merge:7.1f}", flush=True)
        if not both("whole-0", f"whole-{workers}"):
            sys.exit(f"{workers} parts made something else")
        if workers:
            shutil.rmtree(f"whole-{workers}")
    print("the folders of all of them are the same, byte for byte")
