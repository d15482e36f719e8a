"""Trains on a condensed set with Lightning, and tests on real images: `python train_lightning.py cifar10-guided cifar10-test 1000`."""
import logging, sys, warnings, lightning, torch
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, TensorDataset

from form import mirrored, test_set, training_set
from protocol import BATCH, DECAY, MOMENTUM, RATE, augmented, convnet, factor, mixed

folder, test, epochs, seed = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]) if len(sys.argv) > 4 else 0


class Classifier(lightning.LightningModule):
    def __init__(self, shape, classes):
        super().__init__()
        self.model = convnet(shape, classes)

    def training_step(self, batch):
        inputs, wanted = mixed(augmented(batch[0], mirror), batch[1])
        return cross_entropy(self.model(inputs), wanted)

    def test_step(self, batch):
        self.log("accuracy", (self.model(batch[0]).argmax(1) == batch[1]).float().mean(), on_epoch=True)

    def configure_optimizers(self):
        optimizer = torch.optim.SGD(self.parameters(), RATE, MOMENTUM, weight_decay=DECAY)
        return [optimizer], [torch.optim.lr_scheduler.LambdaLR(optimizer, lambda epoch: factor(epoch, epochs))]


warnings.filterwarnings("ignore")
logging.getLogger("lightning").setLevel(logging.ERROR)
lightning.seed_everything(seed, verbose=False)
images, targets = training_set(folder)
mirror = mirrored(folder)
model = Classifier(images.shape[1:], targets.shape[1])
trainer = lightning.Trainer(
    max_epochs=epochs, accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False,
    enable_model_summary=False)
trainer.fit(model, DataLoader(TensorDataset(images, targets), BATCH, shuffle=True))
result = trainer.test(model, DataLoader(TensorDataset(*test_set(test, like=folder)), 500), verbose=False)
print(f"accuracy {100 * result[0]['accuracy']:.1f} %")
