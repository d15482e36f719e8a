/// How an archive or a folder says which image has which label.
public enum Layout: String, Sendable, CaseIterable {
  /// CIFAR-10's binary version: records of a label byte and 3,072 pixel bytes in `data_batch_*.bin` and `test_batch.bin`.
  case cifar10Binary = "cifar10-binary"
  /// CIFAR-100's binary version: records of two label bytes and 3,072 pixel bytes in `train.bin` and `test.bin`.
  case cifar100Binary = "cifar100-binary"
  /// CIFAR-10's and CIFAR-100's python version: pickled dictionaries in `data_batch_*` or `train`, `test`.
  case cifarPickle = "cifar-pickle"
  /// MNIST's format: an images file and a labels file per part, gzipped or not.
  case idx
  /// One folder per class, with or without `train`, `val` and `test` folders above.
  case imageFolder = "image-folder"
  /// Members that share a name up to the first dot are one sample.
  case webDataset = "webdataset"
  /// NumPy arrays of images and labels: `x_train.npy`, `y_train.npy` and the like, in an `.npz` or beside each other.
  case npz
}

extension Layout {
  /// All names, for messages: `cifar10-binary, …, npz`.
  static var allNames: String { allCases.map(\.rawValue).joined(separator: ", ") }
}
