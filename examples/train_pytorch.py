"""Trains on a condensed set with plain PyTorch, and tests on real images: `python train_pytorch.py cifar10-guided cifar10-test 1000`."""
import sys, torch
from torch.nn.functional import cross_entropy

from form import mirrored, test_set, training_set
from protocol import BATCH, DECAY, MOMENTUM, RATE, augmented, convnet, factor, mixed

folder, test, epochs, seed = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]) if len(sys.argv) > 4 else 0
torch.manual_seed(seed)
images, targets = training_set(folder)
mirror = mirrored(folder)
model = convnet(images.shape[1:], targets.shape[1])
optimizer = torch.optim.SGD(model.parameters(), RATE, MOMENTUM, weight_decay=DECAY)
schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda epoch: factor(epoch, epochs))
for epoch in range(epochs):
    for batch in torch.randperm(len(images)).split(BATCH):
        inputs, wanted = mixed(augmented(images[batch], mirror), targets[batch])
        optimizer.zero_grad()
        cross_entropy(model(inputs), wanted).backward()
        optimizer.step()
    schedule.step()

images, labels = test_set(test, like=folder)
with torch.no_grad():
    right = sum((model(x).argmax(1) == y).sum().item() for x, y in zip(images.split(500), labels.split(500)))
print(f"accuracy {100 * right / len(labels):.1f} %")
