#!/usr/bin/env python3
"""DM and M3D written plainly in PyTorch: the peer that the benchmarks and the parity checks measure against.

Not a dependency of the program. Usage, in a virtual environment with torch and numpy:
  torch_condense.py --data cifar-10-batches-bin --method dm --ipc 10 --steps 150 --evaluate 1
Prints one JSON line per report: {"step", "loss", "gradient", "seconds"} and {"accuracy"}.
The DSA augmentation, the network and the protocols follow the published descriptions (DM: Zhao & Bilen 2023; M3D: Zhang et al. 2024).
"""
import argparse, json, math, os, time
import numpy as np, torch, torch.nn as nn, torch.nn.functional as F


class ConvNet(nn.Module):
    def __init__(self, channels, classes, width=128, depth=3, side=32):
        super().__init__()
        layers, c = [], channels
        for i in range(depth):
            layers += [nn.Conv2d(c, width, 3, padding=3 if channels == 1 and i == 0 else 1), nn.GroupNorm(width, width), nn.ReLU(), nn.AvgPool2d(2)]
            c = width
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Linear(width * (side // 2**depth) ** 2, classes)

    def embed(self, x):
        return self.features(x).flatten(1)

    def forward(self, x):
        return self.classifier(self.embed(x))


OPS = ["color", "crop", "cutout", "flip", "scale", "rotate"]


def augment(x, ops, siamese, g):
    """One operation for the batch (mode S); parameters drawn once (siamese) or per image."""
    op = ops[int(torch.randint(len(ops), (1,), generator=g))]
    n, _, h, w = x.shape
    m = 1 if siamese else n
    u = lambda *s: torch.rand((m, *s), generator=g).expand(n, *s)
    if op == "flip":
        return torch.where(u(1, 1, 1) < 0.5, x.flip(3), x)
    if op == "color":
        x = x + (u(1, 1, 1) - 0.5)
        mean = x.mean(1, keepdim=True)
        x = (x - mean) * (2 * u(1, 1, 1)) + mean
        mean = x.mean((1, 2, 3), keepdim=True)
        return (x - mean) * (u(1, 1, 1) + 0.5) + mean
    if op == "crop":
        sy, sx = int(h * 0.125 + 0.5), int(w * 0.125 + 0.5)
        dy = torch.randint(-sy, sy + 1, (m, 1, 1), generator=g).expand(n, 1, 1)
        dx = torch.randint(-sx, sx + 1, (m, 1, 1), generator=g).expand(n, 1, 1)
        ys = torch.clamp(torch.arange(h).view(1, h, 1) + dy + 1, 0, h + 1)
        xs = torch.clamp(torch.arange(w).view(1, 1, w) + dx + 1, 0, w + 1)
        p = F.pad(x, (1, 1, 1, 1)).permute(0, 2, 3, 1)
        return p[torch.arange(n).view(n, 1, 1), ys, xs].permute(0, 3, 1, 2)
    if op == "cutout":
        ch, cw = int(h * 0.5 + 0.5), int(w * 0.5 + 0.5)
        oy = torch.randint(0, h + 1 - ch % 2, (m, 1, 1), generator=g).expand(n, 1, 1)
        ox = torch.randint(0, w + 1 - cw % 2, (m, 1, 1), generator=g).expand(n, 1, 1)
        ys, xs = torch.arange(h).view(1, h, 1), torch.arange(w).view(1, 1, w)
        inside = (ys >= oy - ch // 2) & (ys < oy - ch // 2 + ch) & (xs >= ox - cw // 2) & (xs < ox - cw // 2 + cw)
        return x * (~inside).unsqueeze(1)
    theta = torch.zeros(n, 2, 3)
    if op == "scale":
        s = torch.rand((m, 2), generator=g).expand(n, 2) * (1.2 - 1 / 1.2) + 1 / 1.2
        theta[:, 0, 0], theta[:, 1, 1] = s[:, 0], s[:, 1]
    else:
        a = (torch.rand(m, generator=g).expand(n) - 0.5) * 2 * 15 / 180 * math.pi
        theta[:, 0, 0], theta[:, 0, 1], theta[:, 1, 0], theta[:, 1, 1] = a.cos(), -a.sin(), a.sin(), a.cos()
    return F.grid_sample(x, F.affine_grid(theta, x.shape, align_corners=False), align_corners=False)


def decode(x, factor):
    if factor == 1:
        return x
    side = x.shape[2] // factor
    tiles = [x[:, :, i * side : (i + 1) * side, j * side : (j + 1) * side] for i in range(factor) for j in range(factor)]
    return F.interpolate(torch.cat(tiles), size=x.shape[2:], mode="bilinear", align_corners=False)


def dm_loss(real, syn):
    return ((real.mean(0) - syn.mean(0)) ** 2).sum()


def m3d_loss(real, syn):
    z = torch.cat([real, syn])
    sq = (z * z).sum(1)
    d = (sq[:, None] + sq[None] - 2 * z @ z.T).clamp(min=0)
    n, r = z.shape[0], real.shape[0]
    b = d.detach().sum() / (n * n - n)
    k = sum(torch.exp(-d / (b * 2.0**e)) for e in range(-2, 3))
    return k[:r, :r].mean() - 2 * k[:r, r:].mean() + k[r:, r:].mean()


def load(folder):
    def read(names):
        raw = np.concatenate([np.fromfile(os.path.join(folder, n), np.uint8).reshape(-1, 3073) for n in names])
        return raw[:, 1:].reshape(-1, 3, 32, 32), raw[:, 0].astype(np.int64)
    train = read([f"data_batch_{i}.bin" for i in range(1, 6)])
    test = read(["test_batch.bin"])
    mean = (train[0] / 255.0).mean((0, 2, 3)).astype(np.float32).reshape(1, 3, 1, 1)
    std = (train[0] / 255.0).std((0, 2, 3)).astype(np.float32).reshape(1, 3, 1, 1)
    f = lambda s: (torch.from_numpy((s[0].astype(np.float32) / 255 - mean) / std), torch.from_numpy(s[1]))
    return f(train), f(test)


def evaluate(images, labels, test, epochs, g):
    net = ConvNet(images.shape[1], int(labels.max()) + 1, side=images.shape[2])
    lr = 0.01
    opt = torch.optim.SGD(net.parameters(), lr=lr, momentum=0.9, weight_decay=5e-4)
    for epoch in range(epochs + 1):
        order = torch.randperm(len(images), generator=g)
        for i in range(0, len(images), 256):
            index = order[i : i + 256]
            loss = F.cross_entropy(net(augment(images[index], OPS, False, g)), labels[index])
            opt.zero_grad()
            loss.backward()
            opt.step()
        if epoch == epochs // 2 + 1:
            opt = torch.optim.SGD(net.parameters(), lr=lr * 0.1, momentum=0.9, weight_decay=5e-4)
    with torch.no_grad():
        hits = sum((net(test[0][i : i + 256]).argmax(1) == test[1][i : i + 256]).sum().item() for i in range(0, len(test[0]), 256))
    return hits / len(test[0])


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--data", required=True)
    p.add_argument("--method", choices=["random", "dm", "m3d"], default="dm")
    p.add_argument("--ipc", type=int, default=10)
    p.add_argument("--factor", type=int, default=1)
    p.add_argument("--steps", type=int, default=150)
    p.add_argument("--batch", type=int, default=256)
    p.add_argument("--lr", type=float)
    p.add_argument("--evaluate", type=int, default=0, help="networks to train on the result")
    p.add_argument("--epochs", type=int, default=1000)
    p.add_argument("--seed", type=int, default=0)
    a = p.parse_args()
    torch.manual_seed(a.seed)
    g = torch.Generator().manual_seed(a.seed)
    (x, y), test = load(a.data)
    classes = int(y.max()) + 1
    where = [torch.nonzero(y == c).flatten() for c in range(classes)]
    pick = lambda c, n: where[c][torch.randperm(len(where[c]), generator=g)[:n]]
    if a.factor == 1:
        syn = torch.cat([x[pick(c, a.ipc)] for c in range(classes)])
    else:
        side = x.shape[2] // a.factor
        rows = []
        for c in range(classes):
            small = F.interpolate(x[pick(c, a.ipc * a.factor**2)], size=(side, side), mode="bilinear", antialias=True)
            small = small.view(a.factor, a.factor, a.ipc, x.shape[1], side, side)
            rows.append(torch.cat([torch.cat(list(small[i]), 3) for i in range(a.factor)], 2))
        syn = torch.cat(rows)
    labels = torch.arange(classes).repeat_interleave(a.ipc)
    lr = a.lr if a.lr is not None else (1.0 if a.method == "dm" else 200.0)
    velocity = torch.zeros_like(syn)
    start = time.time()
    net = None
    for step in range(0 if a.method == "random" else a.steps):
        if net is None or a.method == "dm" or step % 5 == 0:
            net = ConvNet(x.shape[1], classes, side=x.shape[2])
            for q in net.parameters():
                q.requires_grad_(False)
        grad, total = torch.zeros_like(syn), 0.0
        for c in range(classes):
            s = syn[c * a.ipc : (c + 1) * a.ipc].clone().requires_grad_(True)
            d = decode(s, a.factor)
            both = augment(torch.cat([x[pick(c, a.batch)], d]), OPS, True, g)
            real, fake = both[: a.batch].detach(), both[a.batch :]
            with torch.no_grad():
                er = net.embed(real)
            loss = (dm_loss if a.method == "dm" else m3d_loss)(er, net.embed(fake))
            grad[c * a.ipc : (c + 1) * a.ipc] = torch.autograd.grad(loss, s)[0]
            total += loss.item()
        velocity = velocity * 0.5 + grad
        syn = syn - lr * velocity
        print(json.dumps({"step": step + 1, "loss": total / classes, "gradient": grad.norm().item(), "seconds": time.time() - start}), flush=True)
    for r in range(a.evaluate):
        d = decode(syn, a.factor)
        t = time.time()
        accuracy = evaluate(d, labels.repeat(a.factor**2), test, a.epochs, g)
        print(json.dumps({"accuracy": accuracy, "network": r, "seconds": time.time() - t}), flush=True)


if __name__ == "__main__":
    main()
