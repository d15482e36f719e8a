internal import Datasets
internal import Shards

extension Report {
  /// Programs that read the dataset into each trainer.
  var loadingSection: HTML {
    guard manifest.kind == .samples else {
      return .paragraph(
        "These are latents. <code>pipe decode -m MODEL</code> makes images of them, with the model that they come from, and trainers read those."
      )
    }
    let code = LoadingCode(manifest, folder: folder)
    guard let load = code.load else {
      return .paragraph(
        "The samples have no field with \(things) or none with labels: <code>\(manifest.fields.joined(separator: ", "))</code>."
      )
    }
    var content = HTML.paragraph(
      "Save this as <code>load.py</code> beside the dataset. It needs \(code.packages), and nothing of ours. <code>images</code> are what a network sees, \(tiles > 1 ? "cut into tiles and " : "")\(manifest.normalization == nil ? "as they are stored" : "normalised"); <code>targets</code> are \(manifest.labelKind == .hard ? "class indices" : "probabilities")."
    )
    content += .code(load, id: "load-py")
    if !code.isStacked {
      return content
        + .paragraph(
          "The \(things) have different sizes. <code>pipe decode --resize N --center-crop N</code> gives them one, as trainers want it."
        )
    }
    for (title, text, id) in code.trainers { content += "<h3>\(title)</h3>\n" + .code(text, id: id) }
    var note: HTML = ""
    if manifest.learnedLearningRate != nil { note += "The learning rate is the one that was learned with the images. " }
    if isMade, !isSelection {
      note +=
        "Accuracies depend on the augmentation as much as on the images: <code>pipe evaluate --protocol</code> names those of the papers, and <code>examples/protocol.py</code> has one in PyTorch."
    }
    return content + (note == "" ? .none : .paragraph(note, class: "note"))
  }
}

/// Programs in Python that read one dataset, and no more than that one needs.
struct LoadingCode {
  private let manifest: Manifest
  private let folder: String

  init(_ manifest: Manifest, folder: String) {
    self.manifest = manifest
    self.folder = folder
  }

  private var isSoft: Bool { manifest.labelKind != .hard }
  private var isCompressed: Bool { manifest.shards.contains { $0.name.hasSuffix(".zst") } }

  /// The field of the image: floats where there are any.
  private enum ImageField { case floats, bytes(String) }

  private var imageField: ImageField? {
    if manifest.fields.contains("npy") { return .floats }
    if manifest.fields.first == Manifest.eitherImage { return .bytes(#"sample.get("jpg") or sample["png"]"#) }
    return ["png", "jpg"].first(where: manifest.fields.contains).map { .bytes("sample[\"\($0)\"]") }
  }

  /// Whether all samples are of one size, and make one tensor.
  var isStacked: Bool { manifest.shape != nil }

  /// What has to be installed.
  var packages: String {
    var names = ["torch", "numpy"]
    if case .bytes = imageField { names.append("pillow") }
    if isCompressed { names.append("zstandard") }
    return names.dropLast().joined(separator: ", ") + " and " + (names.last ?? "")
  }

  /// Images and targets as tensors; nil where the samples lack one of them.
  var load: String? {
    guard let imageField, manifest.fields.contains(isSoft ? "soft.npy" : "cls") else { return nil }
    var lines = ["import io, json, tarfile", "import numpy as np", "import torch"]
    if isCompressed { lines.append("import zstandard") }
    if isFormed { lines.append("from torch.nn.functional import interpolate, pad") }
    if case .bytes = imageField { lines.append("from PIL import Image") }
    let opened =
      isCompressed
      ? #"fileobj=io.BytesIO(zstandard.decompress(open(f"{FOLDER}/{shard['name']}", "rb").read()))"#
      : #"f"{FOLDER}/{shard['name']}""#
    lines += [
      "", "FOLDER = \(pythonText(folderName(of: folder)))",
      #"manifest = json.load(open(f"{FOLDER}/pipe.manifest"))"#, "samples = {}", #"for shard in manifest["shards"]:"#,
      "    with tarfile.open(\(opened)) as tar:", "        for member in tar:",
      #"            key, field = member.name.split(".", 1)"#,
      "            samples.setdefault(key, {})[field] = tar.extractfile(member).read()", "",
    ]
    switch imageField {
    case .floats: lines += ["def pixels(sample):", #"    return np.load(io.BytesIO(sample["npy"]))"#, ""]
    case .bytes(let bytes):
      let isGrey = manifest.shape?.first == 1
      lines += [
        "def pixels(sample):",
        "    image = Image.open(io.BytesIO(\(bytes))).convert(\"\(isGrey ? "L" : "RGB")\")",
        isGrey
          ? #"    return np.asarray(image, "float32")[None] / 255"#
          : #"    return np.asarray(image, "float32").transpose(2, 0, 1) / 255"#, "",
      ]
    }
    lines +=
      isStacked
      ? ["images = torch.tensor(np.stack([pixels(sample) for sample in samples.values()]))"]
      : ["images = [torch.tensor(pixels(sample)) for sample in samples.values()]"]
    lines += targets
    if isFormed { lines += formation }
    if let constants = manifest.normalization {
      lines += [
        "mean = torch.tensor(\(pythonList(constants.mean))).view(-1, 1, 1)",
        "std = torch.tensor(\(pythonList(constants.std))).view(-1, 1, 1)",
        isStacked ? "images = (images - mean) / std" : "images = [(image - mean) / std for image in images]",
      ]
    }
    return lines.joined(separator: "\n") + "\n"
  }

  private var targets: [String] {
    guard isSoft else { return [#"targets = torch.tensor([int(sample["cls"]) for sample in samples.values()])"#] }
    let read = #"torch.tensor(np.stack([np.load(io.BytesIO(sample["soft.npy"])) for sample in samples.values()]))"#
    return ["targets = \(read)\(manifest.labelKind == .logit ? ".softmax(1)" : "")"]
  }

  private var isFormed: Bool { manifest.formation.map { $0.multiplicity > 1 } ?? false }

  /// The tiles of each image, one after the other, and their targets.
  private var formation: [String] {
    guard let formation = manifest.formation else { return [] }
    let factor = formation.factor
    let grids =
      switch formation.kind {
      case .uniform: "[(\(factor), \(factor))]"
      case .multi: "[(n, n) for n in range(1, \(factor + 1))]"
      case .time: "[(1, \(factor))]"
      }
    guard isStacked else {
      return [
        "", "# Each stored image holds \(formation.multiplicity) training images.", "tiles = []",
        "for image, target in zip(images, targets):", "    for rows, columns in \(grids):",
        "        size = image.shape[1:]",
        "        padded = pad(image, (0, -size[1] % columns, 0, -size[0] % rows), value=\(formation.padding))[None]",
        "        for band in padded.chunk(rows, 2):", "            for tile in band.chunk(columns, 3):",
        "                tile = interpolate(tile, size, mode=\"bilinear\", align_corners=False)[0]",
        "                tiles.append((tile, target))",
        "images, targets = [tile for tile, _ in tiles], torch.stack([target for _, target in tiles])", "",
      ]
    }
    return [
      "", "# Each stored image holds \(formation.multiplicity) training images.", "size, tiles = images.shape[2:], []",
      "for rows, columns in \(grids):",
      "    padded = pad(images, (0, -size[1] % columns, 0, -size[0] % rows), value=\(formation.padding))",
      "    for band in padded.chunk(rows, 2):", "        for tile in band.chunk(columns, 3):",
      "            tiles.append(interpolate(tile, size, mode=\"bilinear\", align_corners=False))",
      "images = torch.stack(tiles, 1).flatten(0, 1)", "targets = targets.repeat_interleave(len(tiles), 0)", "",
    ]
  }

  private var rate: String { manifest.learnedLearningRate.map { "\($0)" } ?? "0.01" }

  /// A program for each trainer, which goes on from `load.py`: heading, text, and anchor.
  var trainers: [(title: String, text: String, id: String)] {
    let loss = isSoft ? "CategoricalCrossentropy" : "SparseCategoricalCrossentropy"
    let isImage = manifest.kind == .samples
    let moved = isImage ? "images.permute(0, 2, 3, 1).numpy()  # channels last" : "images.numpy()"
    return [
      (
        "PyTorch",
        """
        import torch
        from torch.utils.data import DataLoader, TensorDataset
        from load import images, targets

        optimizer = torch.optim.SGD(model.parameters(), lr=\(rate), momentum=0.9)
        for epoch in range(300):
            for x, y in DataLoader(TensorDataset(images, targets), batch_size=64, shuffle=True):
                optimizer.zero_grad()
                torch.nn.functional.cross_entropy(model(x), y).backward()
                optimizer.step()

        """, "pytorch-py"
      ),
      (
        "Lightning",
        """
        import lightning, torch
        from torch.utils.data import DataLoader, TensorDataset
        from load import images, targets

        class Classifier(lightning.LightningModule):
            def __init__(self, model):
                super().__init__()
                self.model = model

            def training_step(self, batch, index):
                x, y = batch
                return torch.nn.functional.cross_entropy(self.model(x), y)

            def configure_optimizers(self):
                return torch.optim.SGD(self.parameters(), lr=\(rate), momentum=0.9)

        loader = DataLoader(TensorDataset(images, targets), batch_size=64, shuffle=True)
        lightning.Trainer(max_epochs=300).fit(Classifier(model), loader)

        """, "lightning-py"
      ),
      (
        "Hugging Face transformers",
        """
        import torch
        from transformers import Trainer, TrainingArguments
        from load import images, targets

        class Classifier(torch.nn.Module):
            def __init__(self, model):
                super().__init__()
                self.model = model

            def forward(self, pixel_values, labels):
                logits = self.model(pixel_values)
                return {"loss": torch.nn.functional.cross_entropy(logits, labels), "logits": logits}

        data = [{"pixel_values": x, "labels": y} for x, y in zip(images, targets)]
        arguments = TrainingArguments("out", num_train_epochs=300, per_device_train_batch_size=64, learning_rate=1e-3)
        Trainer(model=Classifier(model), args=arguments, train_dataset=data).train()

        """, "transformers-py"
      ),
      (
        "Keras",
        """
        import os
        os.environ["KERAS_BACKEND"] = "torch"
        import keras
        from load import images, targets

        x = \(moved)
        optimizer = keras.optimizers.SGD(\(rate), momentum=0.9)
        model.compile(optimizer, keras.losses.\(loss)(from_logits=True))
        model.fit(x, targets.numpy(), batch_size=64, epochs=300)

        """, "keras-py"
      ),
    ]
  }
}

/// A text as a string of Python.
private func pythonText(_ text: String) -> String { JSONText.string(text).rendered() }

private func pythonList(_ values: [Float]) -> String { "[" + values.map { "\($0)" }.joined(separator: ", ") + "]" }
