#!/usr/bin/env python3
"""Golden values of Adam, from torch.optim.AdamW.

    python3 Scripts/golden/adam.py > fixtures/golden/tensors-adam.json

Needs PyTorch. Four steps on two parameters under several settings; the gradients are given, not computed.
"""
import json
import sys

import torch

generator = torch.Generator().manual_seed(11)
draw = lambda *shape: torch.randint(-64, 64, shape, generator=generator).double() / 64
settings = [(1e-3, 0.9, 0.999, 1e-8, 0), (0.1, 0.9, 0.999, 1e-8, 0.01), (0.01, 0.5, 0.9, 1e-8, 0), (0.1, 0.0, 0.99, 0.1, 0.5)]
runs = []
for rate, beta1, beta2, eps, decay in settings:
    start = [draw(2, 3), draw(4)]
    gradients = [[draw(2, 3), draw(4)] for _ in range(4)]
    parameters = [p.clone().requires_grad_() for p in start]
    optimizer = torch.optim.AdamW(parameters, lr=rate, betas=(beta1, beta2), eps=eps, weight_decay=decay)
    after = []
    for step in gradients:
        for p, g in zip(parameters, step):
            p.grad = g
        optimizer.step()
        after.append([p.detach().flatten().tolist() for p in parameters])
    runs.append({
        "rate": rate, "beta1": beta1, "beta2": beta2, "eps": eps, "decay": decay,
        "shapes": [list(p.shape) for p in start],
        "start": [p.flatten().tolist() for p in start],
        "gradients": [[g.flatten().tolist() for g in step] for step in gradients],
        "after": after,
    })
json.dump({"made by": "Scripts/golden/adam.py, PyTorch " + torch.__version__, "runs": runs}, sys.stdout)
print()
