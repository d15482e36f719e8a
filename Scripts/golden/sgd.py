#!/usr/bin/env python3
"""Golden values of stochastic gradient descent, from torch.optim.SGD.

    python3 Scripts/golden/sgd.py > fixtures/golden/tensors-sgd.json

Needs PyTorch. Three steps on two parameters under several settings; the gradients are given, not computed.
"""
import json
import sys

import torch

generator = torch.Generator().manual_seed(7)
draw = lambda *shape: torch.randint(-64, 64, shape, generator=generator).float() / 64
settings = [(0.1, 0, 0), (0.1, 0.9, 0), (0.01, 0.9, 5e-4), (1.0, 0.5, 0), (0.1, 0, 0.25)]
runs = []
for rate, momentum, decay in settings:
    start = [draw(2, 3), draw(4)]
    gradients = [[draw(2, 3), draw(4)] for _ in range(3)]
    parameters = [p.clone().requires_grad_() for p in start]
    optimizer = torch.optim.SGD(parameters, lr=rate, momentum=momentum, weight_decay=decay)
    after = []
    for step in gradients:
        for p, g in zip(parameters, step):
            p.grad = g
        optimizer.step()
        after.append([p.detach().flatten().tolist() for p in parameters])
    runs.append({
        "rate": rate, "momentum": momentum, "decay": decay,
        "shapes": [list(p.shape) for p in start],
        "start": [p.flatten().tolist() for p in start],
        "gradients": [[g.flatten().tolist() for g in step] for step in gradients],
        "after": after,
    })
json.dump({"made by": "Scripts/golden/sgd.py, PyTorch " + torch.__version__, "runs": runs}, sys.stdout)
print()
