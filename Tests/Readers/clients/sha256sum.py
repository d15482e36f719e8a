"""sha256sum -c over SHA256SUMS."""

import subprocess
import sys

version = subprocess.run(["sha256sum", "--version"], stdout=subprocess.PIPE, text=True, check=True).stdout
print("version", version.split("\n")[0])
subprocess.run(["sha256sum", "--quiet", "--strict", "-c", "SHA256SUMS"], cwd=sys.argv[1], check=True)
