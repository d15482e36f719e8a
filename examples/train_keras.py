"""Trains on a condensed set with Keras, on PyTorch, and tests on real images: `python train_keras.py cifar10-guided cifar10-test 1000`."""
import os, sys

os.environ.setdefault("KERAS_BACKEND", "torch")
import keras, numpy, torch
from keras import layers

from form import mirrored, test_set, training_set
from protocol import BATCH, DECAY, MOMENTUM, RATE, augmented, blocks, factor, mixed

folder, test, epochs, seed = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]) if len(sys.argv) > 4 else 0


class Batches(keras.utils.PyDataset):
    """The set in a new order in every epoch, augmented and mixed; Keras has the channels last."""

    def __init__(self, images, targets):
        super().__init__()
        self.images, self.targets = images, targets
        self.on_epoch_end()

    def on_epoch_end(self):
        self.order = torch.randperm(len(self.images)).split(BATCH)

    def __len__(self):
        return -(-len(self.images) // BATCH)

    def __getitem__(self, index):
        batch = self.order[index]
        images, targets = mixed(augmented(self.images[batch], mirror), self.targets[batch])
        return images.permute(0, 2, 3, 1).numpy(), targets.numpy()


keras.utils.set_random_seed(seed)
images, targets = training_set(folder)
mirror = mirrored(folder)
# Weights as PyTorch draws them, so that the result is that of the other examples.
start = dict(kernel_initializer=keras.initializers.VarianceScaling(1 / 3, "fan_in", "uniform"),
             bias_initializer=keras.initializers.RandomUniform(-0.03, 0.03))
depth, extra = blocks(images.shape[1:])
body = [layers.ZeroPadding2D(extra)]
for _ in range(depth):
    body += [layers.Conv2D(128, 3, padding="same", **start), layers.GroupNormalization(-1, epsilon=1e-5), layers.ReLU(),
             layers.AveragePooling2D(2)]
model = keras.Sequential([keras.Input(images.permute(0, 2, 3, 1).shape[1:]), *body, layers.Flatten(),
                          layers.Dense(targets.shape[1], **start)])
rate = keras.callbacks.LearningRateScheduler(lambda epoch: RATE * factor(epoch, epochs))
# PyTorch adds the decay to the gradient, before the momentum; here that is a loss.
for layer in model.layers:
    for weight in layer.trainable_weights:
        weight.regularizer = keras.regularizers.L2(DECAY / 2)
model.compile(keras.optimizers.SGD(RATE, MOMENTUM), keras.losses.CategoricalCrossentropy(from_logits=True))
model.fit(Batches(images, targets), epochs=epochs, callbacks=[rate], verbose=0)

images, labels = test_set(test, like=folder)
predicted = model.predict(images.permute(0, 2, 3, 1).numpy(), batch_size=500, verbose=0).argmax(1)
print(f"accuracy {100 * numpy.mean(predicted == labels.numpy()):.1f} %")
