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


def node_of(process):
    """The node whose daemon is an ancestor of the process; None where it is gone."""
    daemons = {node.all_processes["raylet"][0].process.pid: node for node in nodes}
    while process > 1 and process not in daemons:
        try:
            process = int(open(f"/proc/{process}/stat").read().rsplit(")", 1)[1].split()[1])
        except OSError:
            return None
    return daemons.get(process)


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
driver = [sys.executable, f"{os.environ['ROOT']}/examples/machines/condense_ray.py", "--address", cluster.address]
# What would be refused again is not tried again.
refused = subprocess.run(
    [*driver, "--parts", "2", "--work", f"{work}/none", "-o", f"{work}/none-whole", "--", "--method", "dc", "--steps", "1", "-i", "x"],
    stderr=subprocess.PIPE, text=True)
if refused.returncode == 0 or "makes the images of all classes together" not in refused.stderr:
    sys.exit(f"options that do not go together were not refused: {refused.stderr}")
driver = subprocess.Popen(
    [*driver, "--parts", "6", "--work", f"{work}/ray-parts", "-o", f"{work}/ray", "--", *options])
victim, part = next(iter(until(computing).items()))
os.kill(victim, signal.SIGKILL)
print(f"killed a process of part {part}", flush=True)
# A node that has a part, and not the one that was killed: that comes back by itself.
node, part = until(lambda: next(
    ((node, part) for process, part in computing().items() if process != victim and (node := node_of(process))), None))
cluster.remove_node(node, allow_graceful=False)
print(f"killed a node with part {part} on it", flush=True)
code = driver.wait(timeout=600)
cluster.shutdown()
sys.exit(code)
