"""Trains on a condensed set with the Trainer of transformers, and tests on real images: `python train_huggingface.py cifar10-guided cifar10-test 1000`."""
import sys, tempfile, torch
from torch.nn.functional import cross_entropy
from torch.utils.data import TensorDataset
from transformers import Trainer, TrainingArguments, set_seed

from form import mirrored, test_set, training_set
from protocol import BATCH, DECAY, MOMENTUM, RATE, augmented, convnet, factor, mixed

folder, test, epochs, seed = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]) if len(sys.argv) > 4 else 0


class Classifier(torch.nn.Module):
    def __init__(self, shape, classes):
        super().__init__()
        self.model = convnet(shape, classes)

    def forward(self, images, labels):
        if self.training:
            images, labels = mixed(augmented(images, mirror), labels)
        logits = self.model(images)
        return {"loss": cross_entropy(logits, labels), "logits": logits}


set_seed(seed)
images, targets = training_set(folder)
mirror = mirrored(folder)
model = Classifier(images.shape[1:], targets.shape[1])
optimizer = torch.optim.SGD(model.parameters(), RATE, MOMENTUM, weight_decay=DECAY)
steps = -(-len(images) // BATCH)
schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: factor(step // steps, epochs))
arguments = TrainingArguments(
    tempfile.mkdtemp(), num_train_epochs=epochs, per_device_train_batch_size=BATCH, per_device_eval_batch_size=500,
    max_grad_norm=0, use_cpu=True, report_to=[], save_strategy="no", disable_tqdm=True, logging_strategy="no", seed=seed)
trainer = Trainer(
    model, arguments, train_dataset=TensorDataset(images, targets), optimizers=(optimizer, schedule),
    data_collator=lambda batch: {"images": torch.stack([x for x, _ in batch]), "labels": torch.stack([y for _, y in batch])},
    compute_metrics=lambda result: {"accuracy": (result.predictions.argmax(1) == result.label_ids).mean()})
trainer.train()
result = trainer.evaluate(TensorDataset(*test_set(test, like=folder)))
print(f"accuracy {100 * result['eval_accuracy']:.1f} %")
