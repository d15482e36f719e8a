#!/usr/bin/env python3
"""Writes fixtures/golden/architectures.json: what the networks of the table must compute, by PyTorch and torchvision.

torchvision's definitions are used where it has the network, with the stem, the norm and the classifier that the literature of dataset
condensation gives it; the others are written out here. Weights, running statistics and images are `scatter`ed numbers, so that
the tests make the same ones. Of long results every n-th value is kept. Computed in float64.
Usage: python3 Scripts/golden/architectures.py > fixtures/golden/architectures.json   (made with PyTorch 2.x, torchvision 0.x)
"""
import math

import torch
import torch.nn as nn
import torch.nn.functional as F
import torchvision.models as models

from waves import keep, scatter, write

torch.set_num_threads(1)
Norms = (nn.BatchNorm2d, nn.GroupNorm)
CLASSES = 4


def norm(kind):
    return {
        "batch": nn.BatchNorm2d,
        "instance": lambda maps: nn.GroupNorm(maps, maps),
        "group": lambda maps: nn.GroupNorm(4, maps),
        "none": lambda maps: nn.Identity(),
    }[kind]


# MARK: Networks: (features that end in maps or vectors, number of features)

def convnet(channels, side, kind):
    layers, inputs, maps, depth = [], channels, 8, 4 if side >= 64 else 3
    for block in range(depth):
        padding = 3 if block == 0 and (channels, side) == (1, 28) else 1
        layers += [nn.Conv2d(inputs, maps, 3, padding=padding), norm(kind)(maps), nn.ReLU(), nn.AvgPool2d(2)]
        inputs = maps
    return nn.Sequential(*layers, nn.Flatten()), maps * (max(side, 32) // 2 ** depth) ** 2


def alexnet(channels, side, kind):
    layers, inputs = [], channels
    for maps, kernel, pools in [(128, 5, True), (192, 5, True), (256, 3, False), (192, 3, False), (192, 3, True)]:
        padding = 4 if (channels, side) == (1, 28) and not layers else kernel // 2
        layers += [nn.Conv2d(inputs, maps, kernel, padding=padding), norm(kind)(maps), nn.ReLU()]
        layers += [nn.MaxPool2d(2)] if pools else []
        inputs = maps
    return nn.Sequential(*layers, nn.Flatten()), 192 * (max(side, 32) // 8) ** 2


def vgg11(channels, side, kind):
    features = models.vgg.make_layers(models.vgg.cfgs["A"], batch_norm=True)
    for index, layer in enumerate(features):
        if isinstance(layer, nn.BatchNorm2d):
            features[index] = norm(kind)(layer.num_features)
    features[0] = nn.Conv2d(channels, 64, 3, padding=3 if (channels, side) == (1, 28) else 1)
    return nn.Sequential(features, nn.AdaptiveAvgPool2d(1), nn.Flatten()), 512


def resnet18(channels, side, kind):
    net = models.resnet18(norm_layer=norm(kind))
    if side <= 128:
        net.conv1 = nn.Conv2d(channels, 64, 3, padding=1, bias=False)
        if side <= 64:
            net.maxpool = nn.Identity()
    net.fc = nn.Identity()
    return net, 512


class Block(nn.Module):
    """A basic block with a stride, or with average pooling in its place."""

    def __init__(self, inputs, maps, stride, kind, pools):
        super().__init__()
        step = 1 if pools else stride
        pool = nn.AvgPool2d(stride) if pools and stride > 1 else nn.Identity()
        self.branch = nn.Sequential(
            nn.Conv2d(inputs, maps, 3, step, 1, bias=False), norm(kind)(maps), nn.ReLU(), pool,
            nn.Conv2d(maps, maps, 3, 1, 1, bias=False), norm(kind)(maps))
        self.shortcut = nn.Identity()
        if stride != 1 or inputs != maps:
            self.shortcut = nn.Sequential(
                nn.Conv2d(inputs, maps, 1, step, bias=False), pool, norm(kind)(maps))

    def forward(self, x):
        return F.relu(self.branch(x) + self.shortcut(x))


def residual10(channels, side, kind, pools):
    maps = 32 if side < 64 else 64
    large = side > 128
    stem = [nn.Conv2d(channels, maps, 7 if large else 3, 2 if large and not pools else 1, 3 if large else 1, bias=False),
            norm(kind)(maps), nn.ReLU()]
    if side > 64:
        stem.append(nn.AvgPool2d(4 if large else 2) if pools else nn.MaxPool2d(3, 2, 1))
    blocks = [Block(maps * max(1, 2 ** (i - 1)), maps * 2 ** i, 1 if i == 0 else 2, kind, pools) for i in range(4)]
    return nn.Sequential(*stem, *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten()), 8 * maps


def densenet121(channels, side, kind, growth=32):
    assert kind == "batch"
    net = models.DenseNet(growth, (6, 12, 24, 16), 2 * growth)
    if side <= 64:
        net.features.conv0 = nn.Conv2d(channels, 2 * growth, 3, padding=1, bias=False)
        net.features.norm0 = net.features.relu0 = net.features.pool0 = nn.Identity()
    count = net.classifier.in_features
    net.classifier = nn.Identity()
    return net, count


def efficientnet_b0(channels, side, kind):
    net = models.efficientnet_b0(norm_layer=norm(kind), stochastic_depth_prob=0.0, dropout=0.0)
    net.features[0][0] = nn.Conv2d(channels, 32, 3, 2 if side > 64 else 1, 1, bias=False)
    net.classifier = nn.Identity()
    return net, 1280


class Classifier(nn.Module):
    def __init__(self, features, count):
        super().__init__()
        self.features, self.head = features, nn.Linear(count, CLASSES)

    def forward(self, x):
        return self.head(self.features(x))


def filled(module):
    """Parameters and running statistics in their order: weights by He's rule, scales and variances near 1."""
    index = 0
    for layer in module.modules():
        for name, p in layer.named_parameters(recurse=False):
            if p.dim() > 1:
                values = scatter(p.shape, index, math.sqrt(6 / p[0].numel()))
            else:
                values = scatter(p.shape, index, 0.2, 1 if isinstance(layer, Norms) and name == "weight" else 0)
            p.data = torch.tensor(values)
            index += 1
    for index, b in enumerate(b for b in module.buffers() if b.dim() == 1):
        b.copy_(torch.tensor(scatter(b.shape, 1000 + index, *((0.2, 0) if index % 2 == 0 else (0.5, 1)))))
    return module.double()


def thinned(t, most):
    flat = t.detach().flatten()
    return flat[:: max(1, flat.numel() // most)]


for name, make, channels, side, kind in [
    ("convnet", convnet, 3, 32, "instance"),
    ("convnet", convnet, 1, 28, "group"),
    ("convnet", convnet, 3, 64, "batch"),
    ("convnet", convnet, 3, 32, "none"),
    ("alexnet", alexnet, 3, 32, "none"),
    ("alexnet", alexnet, 1, 28, "batch"),
    ("vgg11", vgg11, 3, 32, "instance"),
    ("vgg11", vgg11, 1, 28, "batch"),
    ("vgg11", vgg11, 3, 64, "group"),
    ("resnet18", resnet18, 3, 32, "instance"),
    ("resnet18", resnet18, 1, 28, "batch"),
    ("resnet18", resnet18, 3, 160, "batch"),
    ("resnet10", lambda *a: residual10(*a, False), 3, 32, "batch"),
    ("resnet10", lambda *a: residual10(*a, False), 3, 72, "group"),
    ("resnetap10", lambda *a: residual10(*a, True), 3, 32, "instance"),
    ("resnetap10", lambda *a: residual10(*a, True), 1, 28, "batch"),
    ("resnetap10", lambda *a: residual10(*a, True), 3, 72, "instance"),
    ("resnetap10", lambda *a: residual10(*a, True), 3, 132, "instance"),
    ("densenet121", densenet121, 3, 32, "batch"),
    ("densenet121", densenet121, 3, 96, "batch"),
    ("efficientnet-b0", efficientnet_b0, 3, 32, "batch"),
    ("efficientnet-b0", efficientnet_b0, 1, 28, "group"),
    ("efficientnet-b0", efficientnet_b0, 3, 96, "batch"),
]:
    title = f"{name} {kind} {channels}x{side}x{side} "
    net = filled(Classifier(*make(channels, side, kind)))
    x = torch.tensor(scatter((2, channels, side, side), 5000)).double()
    keep(title + "parameters", [sum(p.numel() for p in net.parameters())])
    net.eval()
    with torch.no_grad():
        keep(title + "embedding", thinned(net.features(x), 40))
        keep(title + "logits", net(x))
        if kind == "batch":
            net.train()
            keep(title + "training logits", net(x))
            # Of each statistic its mean: a mistake anywhere shows.
            keep(title + "statistics", [b.mean().item() for b in net.buffers() if b.dim() == 1])

# Sizes that the literature names: those for 1000 classes of ImageNet, and the ConvNet and the ResNet for CIFAR-10.
keep("published parameters", [
    sum(p.numel() for p in net.parameters())
    for net in (models.resnet18(), models.densenet121(), models.efficientnet_b0())])


# MARK: One network with every kind of layer, and its gradients in training

class Weights:
    """Parameters in the order of the program, with gradients."""

    def __init__(self):
        self.all = []

    def next(self, *shape, offset=0):
        scale = math.sqrt(6 / math.prod(shape[1:])) if len(shape) > 1 else 0.2
        self.all.append(torch.tensor(scatter(shape, len(self.all), scale, offset)).double().requires_grad_())
        return self.all[-1]

    def convolution(self, x, outputs, kernel, stride=1, padding=0, groups=1, bias=True):
        weight = self.next(outputs, x.shape[1] // groups, kernel, kernel)
        return F.conv2d(x, weight, self.next(outputs) if bias else None, stride, padding, groups=groups)

    def norm(self, x, groups):
        scale, shift = self.next(x.shape[1], offset=1), self.next(x.shape[1])
        if groups is None:
            return F.batch_norm(x, None, None, scale, shift, training=True)
        return F.group_norm(x, groups, scale, shift)

    def linear(self, x, outputs):
        return F.linear(x.flatten(1), self.next(outputs, x[0].numel()), self.next(outputs))


w = Weights()
images = torch.tensor(scatter((3, 3, 12, 12), 5000)).double().requires_grad_()
x = F.avg_pool2d(F.relu(w.norm(w.convolution(images, 8, 3, padding=2), 8)), 2)
x = F.silu(w.norm(w.convolution(x, 8, 3, padding=1, groups=2), None))
branch = w.norm(w.convolution(x, 8, 3, 2, 1, bias=False), 4)
x = branch + w.norm(w.convolution(x, 8, 1, 2), 8)
x = w.convolution(F.relu(w.norm(x, None)), 8, 3, padding=1) + x
x = torch.cat([x, w.convolution(F.relu(w.norm(x, 8)), 4, 1)], 1)
factors = F.silu(w.convolution(x.mean((2, 3), keepdim=True), 3, 1))
x = x * torch.sigmoid(w.convolution(factors, 12, 1))
x = F.avg_pool2d(F.max_pool2d(x, 2, 1, 1), 2, 2)
x = torch.sigmoid(w.linear(x, 5))
logits = w.linear(x, CLASSES)
loss = (logits * torch.tensor(scatter((3, CLASSES), 5001)).double()).sum()
loss.backward(retain_graph=True)
keep("every layer logits", logits.detach())
keep("every layer image gradient", thinned(images.grad, 100))
for index, p in enumerate(w.all):
    keep(f"every layer gradient {index}", thinned(p.grad, 12))
# As gradient matching has it: the squared length of the weights' gradient, and what it makes of the images.
gradients = torch.autograd.grad((logits ** 2).sum(), w.all, create_graph=True)
length = sum((g ** 2).sum() for g in gradients)
keep("every layer gradient of gradients", thinned(torch.autograd.grad(length, images)[0], 100))

write()
