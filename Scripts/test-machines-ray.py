#!/usr/bin/env python3
"""Used by Scripts/test-machines: the Ray driver on a local cluster of four nodes, of which one is killed, and a process of a part on another.

    PROGRAMS=… ROOT=… python test-machines-ray.py FOLDER OPTIONS-OF-PIPE-CONDENSE…
"""
import os
import signal
import subprocess
import sys
import time

import ray
from ray.cluster_utils import Cluster

work, options = sys.argv[1], sys.argv[2:]


def computing():
    """The processes that compute a part of this test, with the part."""
    found = {}
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            words = open(f"/proc/{entry}/cmdline", "rb").read().decode(errors="replace").split("\0")
        except OSError:
            continue
        if "pipe-compute" in words[0] and "--partition" in words and f"{work}/real" in words:
            found[int(entry)] = words[words.index("--partition") + 1]
    return found


def until(condition, seconds=120):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if result := condition():
            return result
        time.sleep(0.1)
    sys.exit("waited in vain")


cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
nodes = [cluster.add_node(num_cpus=1) for _ in range(3)]
cluster.wait_for_nodes()
driver = subprocess.Popen(
    [sys.executable, f"{os.environ['ROOT']}/examples/machines/condense_ray.py", "--address", cluster.address, "--parts", "6",
     "--work", f"{work}/ray-parts", "-o", f"{work}/ray", "--", *options])
victim, part = next(iter(until(computing).items()))
os.kill(victim, signal.SIGKILL)
print(f"killed a process of part {part}", flush=True)
until(lambda: len(computing()) >= 2)
cluster.remove_node(nodes[0], allow_graceful=False)
print("killed a node", flush=True)
code = driver.wait(timeout=600)
cluster.shutdown()
sys.exit(code)
