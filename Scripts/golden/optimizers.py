#!/usr/bin/env python3
"""Golden values of the optimisers, from PyTorch's.

    python3 Scripts/golden/optimizers.py sgd > fixtures/golden/tensors-sgd.json
    python3 Scripts/golden/optimizers.py adam > fixtures/golden/tensors-adam.json

Needs PyTorch. Some steps on two parameters under several settings; the gradients are given, not computed.
"""
import json
import sys

import torch


def sgd(parameters, setting):
    return torch.optim.SGD(
        parameters, lr=setting["rate"], momentum=setting["momentum"], weight_decay=setting["decay"])


def adam(parameters, setting):
    return torch.optim.AdamW(
        parameters, lr=setting["rate"], betas=(setting["beta1"], setting["beta2"]), eps=setting["eps"],
        weight_decay=setting["decay"])


# For each: how it is made, its type, the seed, the steps, and the settings under the names of the file.
OPTIMIZERS = {
    "sgd": (sgd, torch.float32, 7, 3, ("rate", "momentum", "decay"),
            [(0.1, 0, 0), (0.1, 0.9, 0), (0.01, 0.9, 5e-4), (1.0, 0.5, 0), (0.1, 0, 0.25)]),
    "adam": (adam, torch.float64, 11, 4, ("rate", "beta1", "beta2", "eps", "decay"),
             [(1e-3, 0.9, 0.999, 1e-8, 0), (0.1, 0.9, 0.999, 1e-8, 0.01), (0.01, 0.5, 0.9, 1e-8, 0),
              (0.1, 0.0, 0.99, 0.1, 0.5)]),
}

if len(sys.argv) != 2 or sys.argv[1] not in OPTIMIZERS:
    sys.exit(__doc__)
make, dtype, seed, steps, names, settings = OPTIMIZERS[sys.argv[1]]
generator = torch.Generator().manual_seed(seed)
draw = lambda *shape: torch.randint(-64, 64, shape, generator=generator).to(dtype) / 64
runs = []
for values in settings:
    setting = dict(zip(names, values))
    start = [draw(2, 3), draw(4)]
    gradients = [[draw(2, 3), draw(4)] for _ in range(steps)]
    parameters = [p.clone().requires_grad_() for p in start]
    optimizer = make(parameters, setting)
    after = []
    for step in gradients:
        for p, g in zip(parameters, step):
            p.grad = g
        optimizer.step()
        after.append([p.detach().flatten().tolist() for p in parameters])
    runs.append({
        **setting,
        "shapes": [list(p.shape) for p in start],
        "start": [p.flatten().tolist() for p in start],
        "gradients": [[g.flatten().tolist() for g in step] for step in gradients],
        "after": after,
    })
json.dump({"made by": "Scripts/golden/optimizers.py, PyTorch " + torch.__version__, "runs": runs}, sys.stdout)
print()
