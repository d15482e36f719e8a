"""How `pipe evaluate --protocol idc` trains, in PyTorch: the ConvNet, the augmentation, CutMix and the learning rate. For the trainers beside it."""
import math, torch
from torch import nn
from torch.nn.functional import affine_grid, grid_sample, pad

BATCH, RATE, MOMENTUM, DECAY = 64, 0.01, 0.9, 5e-4


def blocks(shape):
    """Blocks of the ConvNet, each of which halves the image, and pixels that are added around it first: 28×28 becomes 32×32."""
    side = min(shape[1:])
    depth = 5 if side >= 128 else 4 if side >= 64 else max(1, min(3, int(math.log2(side))))
    return depth, 2 if tuple(shape) == (1, 28, 28) else 0


def convnet(shape, classes, width=128):
    """Blocks of 3×3 convolution, instance norm, ReLU and mean pooling, and a linear layer."""
    depth, extra = blocks(shape)
    layers, channels = [], shape[0]
    for block in range(depth):
        layers += [nn.Conv2d(channels, width, 3, padding=1 + (extra if block == 0 else 0)),
                   nn.GroupNorm(width, width), nn.ReLU(), nn.AvgPool2d(2)]
        channels = width
    rows, columns = ((side + 2 * extra) >> depth for side in shape[1:])
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(width * rows * columns, classes))


def augmented(images, mirror):
    """A batch, each image changed by itself: mirrored where that is asked for, in colour, and by one of shift, zoom and turn."""
    count, _, height, width = images.shape
    draw = lambda: torch.rand(count, 1, 1, 1)
    if mirror:
        images = torch.where(draw() < 0.5, images.flip(3), images)
    images = images + draw() - 0.5
    for axes, low, high in (((1,), 0, 2), ((1, 2, 3), 0.5, 1.5)):
        mean = images.mean(axes, keepdim=True)
        images = (images - mean) * (low + (high - low) * draw()) + mean
    kind = torch.randint(3, ()).item()
    if kind == 0:
        down, right = (int(side / 8 + 0.5) for side in (height, width))
        padded = pad(images, (right, right, down, down))
        tops, lefts = torch.randint(2 * down + 1, (count,)), torch.randint(2 * right + 1, (count,))
        return torch.stack([image[:, top:top + height, left:left + width] for image, top, left in zip(padded, tops, lefts)])
    theta = torch.zeros(count, 2, 3)
    if kind == 1:
        theta[:, 0, 0], theta[:, 1, 1] = (1 / 1.2 + (1.2 - 1 / 1.2) * torch.rand(2, count))
    else:
        angle = (torch.rand(count) - 0.5) * 2 * 15 / 180 * math.pi
        theta[:, 0, 0] = theta[:, 1, 1] = angle.cos()
        theta[:, 0, 1], theta[:, 1, 0] = -angle.sin(), angle.sin()
    return grid_sample(images, affine_grid(theta, list(images.shape), align_corners=False), align_corners=False)


def mixed(images, targets):
    """CutMix for every second batch: a box from other images, and as much of their targets."""
    if torch.rand(()) >= 0.5:
        return images, targets
    cut, order = (1 - torch.rand(()).item()) ** 0.5, torch.randperm(len(images))
    box = []
    for side in images.shape[2:]:
        length, centre = int(side * cut), torch.randint(side, ()).item()
        box.append(slice(max(centre - length // 2, 0), min(centre + length // 2, side)))
    images = images.clone()
    images[:, :, box[0], box[1]] = images[order][:, :, box[0], box[1]]
    share = math.prod(part.stop - part.start for part in box) / math.prod(images.shape[2:])
    return images, targets * (1 - share) + targets[order] * share


def factor(epoch, epochs):
    """What the learning rate is multiplied by: a fifth after two thirds, and again after five sixths."""
    return 0.2 ** ((epoch >= 2 * epochs // 3) + (epoch >= 5 * epochs // 6))
