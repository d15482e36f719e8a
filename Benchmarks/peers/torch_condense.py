#!/usr/bin/env python3
"""DM, M3D and KR-dual written plainly in PyTorch: the peer that the benchmarks and the parity checks measure against.

Not a dependency of the program. Usage, in a virtual environment with torch and numpy:
  torch_condense.py --data cifar-10-batches-bin --method dm --ipc 10 --steps 150 --evaluate 1
Prints one JSON line per report: {"step", "loss", "gradient", "seconds"} and {"accuracy"}. DC, DSA and IDC: torch_matching.py.
The DSA augmentation, the network and the protocols follow the published descriptions (DM: Zhao & Bilen 2023; M3D: Zhang et al. 2024;
KR-dual: Li, Xue & Shi 2025).
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
    return operation(ops[int(torch.randint(len(ops), (1,), generator=g))], x, siamese, g)


def operation(op, x, siamese, g):
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


class Potential(nn.Module):
    """f(x) = w2·ReLU(W1 x + b1), whose parameters stay within [-bound, bound]; `ascend` fits it to the Kantorovich-Rubinstein dual."""

    def __init__(self, dimension, hidden=8, bound=0.02):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(dimension, hidden), nn.ReLU(), nn.Linear(hidden, 1, bias=False))
        self.bound = bound
        with torch.no_grad():
            for p in self.parameters():
                p.uniform_(-bound / 10, bound / 10)

    def dual(self, real, syn):
        return self.layers(real).mean() - self.layers(syn).mean()

    def ascend(self, real, syn, steps=100, rate=1e-3, batch=32):
        opt = torch.optim.Adam(self.parameters(), lr=rate, maximize=True)
        batches = real.split(batch)
        for step in range(steps):
            opt.zero_grad()
            self.dual(batches[step % len(batches)], syn).backward()
            opt.step()
            with torch.no_grad():
                for p in self.parameters():
                    p.clamp_(-self.bound, self.bound)


def kr_loss(real, syn):
    """The dual under a potential that is drawn and fitted for these embeddings, in units in which its gradient is as long as DM's."""
    fixed = syn.detach()
    centre = (real.mean(0) + fixed.mean(0)) / 2
    potential = Potential(real.shape[1])
    potential.ascend(real - centre, fixed - centre)
    for p in potential.parameters():
        p.requires_grad_(False)
    points = fixed.clone().requires_grad_(True)
    length = [torch.autograd.grad(loss, points)[0].norm() for loss in (dm_loss(real, points), potential.dual(real - centre, points - centre))]
    return potential.dual(real - centre, syn - centre) * (length[0] / length[1])


LOSSES = {"dm": dm_loss, "m3d": m3d_loss, "kr-dual": kr_loss}
# Learning rates of the images; that of M3D is scaled to the length of DM's gradient.
RATES = {"dm": 1.0, "m3d": 200.0, "kr-dual": 1.0}


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


class Training:
    """A classifier under P-DSA: `sweep` is one pass over the images in batches of 256."""

    def __init__(self, images, labels, classes, epochs, g):
        self.images, self.labels, self.epochs, self.g = images, labels, epochs, g
        self.net = ConvNet(images.shape[1], classes, side=side_of(images))
        self.passes, self.opt = 0, self.optimizer(0.01)

    def optimizer(self, rate):
        return torch.optim.SGD(self.net.parameters(), lr=rate, momentum=0.9, weight_decay=5e-4)

    def sweep(self):
        order = torch.randperm(len(self.images), generator=self.g)
        for i in range(0, len(self.images), 256):
            index = order[i : i + 256]
            loss = F.cross_entropy(self.net(augment(self.images[index], OPS, False, self.g)), self.labels[index])
            self.opt.zero_grad()
            loss.backward()
            self.opt.step()
        if self.passes == self.epochs // 2 + 1:
            self.opt = self.optimizer(0.001)
        self.passes += 1

    def accuracy(self, images, labels):
        with torch.no_grad():
            hits = sum((self.net(images[i : i + 256]).argmax(1) == labels[i : i + 256]).sum().item() for i in range(0, len(images), 256))
        return hits / len(images)


class Condensing:
    """Synthetic images and their SGD; `step` is one step of all classes. Real images are given class by class."""

    def __init__(self, method, real, ipc, factor=1, batch=256, lr=None, g=None):
        self.method, self.real, self.ipc, self.factor, self.batch, self.g = method, real, ipc, factor, batch, g
        self.lr = lr if lr is not None else RATES[method]
        self.syn = torch.cat([self.first(c) for c in range(len(real))])
        self.labels = torch.arange(len(real)).repeat_interleave(ipc)
        self.velocity, self.steps, self.net = torch.zeros_like(self.syn), 0, None

    def pick(self, c, n):
        return self.real[c][torch.randperm(len(self.real[c]), generator=self.g)[:n]]

    def first(self, c):
        if self.factor == 1:
            return self.pick(c, self.ipc)
        f, images = self.factor, self.pick(c, self.ipc * self.factor**2)
        side = images.shape[2] // f
        small = F.interpolate(images, size=(side, side), mode="bilinear", antialias=True)
        small = small.view(f, f, self.ipc, images.shape[1], side, side)
        return torch.cat([torch.cat(list(small[i]), 3) for i in range(f)], 2)

    def augmented(self, real, fake):
        """Both by the same operation with the same parameters."""
        state = self.g.get_state()
        real = augment(real, OPS, True, self.g)
        self.g.set_state(state)
        return real, augment(fake, OPS, True, self.g)

    def step(self):
        if self.net is None or self.method != "m3d" or self.steps % 5 == 0:
            self.net = ConvNet(self.syn.shape[1], len(self.real), side=side_of(self.syn))
            for q in self.net.parameters():
                q.requires_grad_(False)
        grad, total = torch.zeros_like(self.syn), 0.0
        for c in range(len(self.real)):
            rows = slice(c * self.ipc, (c + 1) * self.ipc)
            s = self.syn[rows].clone().requires_grad_(True)
            real, fake = self.augmented(self.pick(c, self.batch), decode(s, self.factor))
            with torch.no_grad():
                target = self.net.embed(real)
            loss = LOSSES[self.method](target, self.net.embed(fake))
            grad[rows] = torch.autograd.grad(loss, s)[0]
            total += loss.item()
        self.velocity = self.velocity * 0.5 + grad
        self.syn = self.syn - self.lr * self.velocity
        self.steps += 1
        return total / len(self.real), grad.norm().item()


def side_of(images):
    """Side of the padded image: 28 x 28 images of one channel are padded to 32."""
    return 32 if images.shape[1:] == (1, 28, 28) else images.shape[2]


def options(methods):
    p = argparse.ArgumentParser()
    p.add_argument("--data", required=True)
    p.add_argument("--method", choices=["random", *methods], default=methods[0])
    p.add_argument("--ipc", type=int, default=10)
    p.add_argument("--factor", type=int, default=1)
    p.add_argument("--steps", type=int, default=150)
    p.add_argument("--batch", type=int)
    p.add_argument("--lr", type=float)
    p.add_argument("--evaluate", type=int, default=0, help="networks to train on the result")
    p.add_argument("--epochs", type=int, default=1000)
    p.add_argument("--seed", type=int, default=0)
    return p


def run(a, make):
    """Condenses and evaluates; `make(real images by class, generator)` makes what has `step`."""
    torch.manual_seed(a.seed)
    g = torch.Generator().manual_seed(a.seed)
    (x, y), test = load(a.data)
    classes = int(y.max()) + 1
    condensing = make([x[y == c] for c in range(classes)], g)
    start = time.time()
    for step in range(0 if a.method == "random" else a.steps):
        loss, gradient = condensing.step()
        print(json.dumps({"step": step + 1, "loss": loss, "gradient": gradient, "seconds": time.time() - start}), flush=True)
    for r in range(a.evaluate):
        images, t = decode(condensing.syn, a.factor), time.time()
        training = Training(images, condensing.labels.repeat(a.factor**2), classes, a.epochs, g)
        for _ in range(a.epochs + 1):
            training.sweep()
        print(json.dumps({"accuracy": training.accuracy(*test), "network": r, "seconds": time.time() - t}), flush=True)


def main():
    a = options(list(LOSSES)).parse_args()
    run(a, lambda real, g: Condensing("dm" if a.method == "random" else a.method, real, a.ipc, a.factor, a.batch or 256, a.lr, g))


if __name__ == "__main__":
    main()
