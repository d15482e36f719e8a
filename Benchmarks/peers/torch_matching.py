#!/usr/bin/env python3
"""DC, DSA and IDC written plainly in PyTorch: gradient matching, the peer that the benchmarks and the parity checks measure against.

Not a dependency of the program. Usage, in a virtual environment with torch and numpy:
  torch_matching.py --data cifar-10-batches-bin --method dsa --ipc 10 --steps 100 --inner-loop 50 --evaluate 1
Prints what torch_condense.py prints. A step matches all classes and moves the images once; then DC and DSA train the network on the
images for `--inner-loop` epochs. IDC's networks stay as they were drawn: its training on real images is left out.
After the papers and their code (DC: Zhao, Mopuri & Bilen 2021; DSA: Zhao & Bilen 2021; IDC: Kim et al. 2022).
"""
import dataclasses

import torch, torch.nn.functional as F

from torch_condense import OPS, Condensing, ConvNet, augment, decode, operation, options, run, side_of


def cosines(real, syn):
    """1 - cosine for every output of convolutions and the classifier; the rest counts nothing."""
    total = 0
    for r, s in zip(real, syn):
        if r.dim() > 1:
            r, s = r.flatten(1), s.flatten(1)
            total = total + (1 - (r * s).sum(1) / (r.norm(dim=1) * s.norm(dim=1) + 1e-6)).sum()
    return total


def squares(real, syn):
    """Sum of squared differences over the weights of convolutions."""
    return sum((r - s).pow(2).sum() for r, s in zip(real, syn) if r.dim() == 4)


@dataclasses.dataclass(frozen=True)
class Recipe:
    distance: object
    # "none", "one": one operation of DSA for both sides; "idc": colour, crop and cutout, all of them.
    augmentation: str
    batch: int
    # Learning rate of the images in normalised units.
    rate: float
    # Steps that share a network.
    steps: int


RECIPES = {
    "dc": Recipe(cosines, "none", 256, 0.1, 10),
    "dsa": Recipe(cosines, "one", 256, 0.1, 10),
    "idc-i": Recipe(squares, "idc", 64, 0.12, 100),
    "idc": Recipe(squares, "idc", 64, 0.12, 100),
}


class Matching(Condensing):
    """Synthetic images and their SGD; `step` is one step of all classes."""

    def __init__(self, method, real, ipc, factor=1, batch=None, lr=None, inner=0, g=None):
        self.recipe = RECIPES[method]
        rate = self.recipe.rate if lr is None else lr
        super().__init__(method, real, ipc, factor, batch or self.recipe.batch, rate, g)
        self.inner = inner

    def augmented(self, real, fake):
        if self.recipe.augmentation == "one":
            return super().augmented(real, fake)
        if self.recipe.augmentation == "idc":
            both = torch.cat([real, fake])
            for op in ["color", "crop", "cutout"]:
                both = operation(op, both, True, self.g)
            return both[: len(real)], both[len(real) :]
        return real, fake

    def gradients(self, images, c, **options):
        loss = F.cross_entropy(self.net(images), torch.full((len(images),), c))
        return torch.autograd.grad(loss, self.weights, **options)

    def step(self):
        if self.steps % self.recipe.steps == 0:
            self.net = ConvNet(self.syn.shape[1], len(self.real), side=side_of(self.syn))
            self.weights = list(self.net.parameters())
            self.opt = torch.optim.SGD(self.weights, lr=0.01)
        grad, total = torch.zeros_like(self.syn), 0.0
        for c in range(len(self.real)):
            rows = slice(c * self.ipc, (c + 1) * self.ipc)
            s = self.syn[rows].clone().requires_grad_(True)
            real, fake = self.augmented(self.pick(c, self.batch), decode(s, self.factor))
            target = [part.detach() for part in self.gradients(real, c)]
            loss = self.recipe.distance(target, self.gradients(fake, c, create_graph=True))
            grad[rows] = torch.autograd.grad(loss, s)[0]
            total += loss.item()
        self.velocity = self.velocity * 0.5 + grad
        self.syn = self.syn - self.lr * self.velocity
        self.steps += 1
        # A network that is about to be drawn anew is not trained.
        if self.steps % self.recipe.steps:
            for _ in range(self.inner):
                self.sweep()
        return total / len(self.real), grad.norm().item()

    def sweep(self):
        """One epoch of the network on the images."""
        images, labels = decode(self.syn, self.factor), self.labels.repeat(self.factor**2)
        order = torch.randperm(len(images), generator=self.g)
        for i in range(0, len(images), 256):
            batch = images[order[i : i + 256]]
            if self.recipe.augmentation != "none":
                batch = augment(batch, OPS, False, self.g)
            loss = F.cross_entropy(self.net(batch), labels[order[i : i + 256]])
            self.opt.zero_grad()
            loss.backward()
            self.opt.step()


def main():
    p = options(list(RECIPES))
    p.add_argument("--inner-loop", type=int, default=0, help="epochs of the network on the images after a step")
    a = p.parse_args()
    if a.method == "idc" and a.factor == 1:
        a.factor = 2
    method = "dc" if a.method == "random" else a.method
    run(a, lambda real, g: Matching(method, real, a.ipc, a.factor, a.batch, a.lr, a.inner_loop, g))


if __name__ == "__main__":
    main()
