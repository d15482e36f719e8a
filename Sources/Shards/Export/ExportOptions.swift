public import Datasets

/// A format of other programs in which a dataset can be written.
public enum ExportFormat: String, Sendable, CaseIterable {
  /// MosaicML's streaming datasets, version 2; litdata reads them, too.
  case mds
  /// TensorFlow's records of `tf.train.Example`.
  case tfrecord
  /// Tensors in one file.
  case safetensors
  /// NumPy arrays in one file.
  case npz
  /// A folder of image files for each class.
  case imageFolder = "imagefolder"

  /// Whether it makes a folder; the others make one file.
  public var isFolder: Bool { self == .mds || self == .tfrecord || self == .imageFolder }

  /// Whether all samples are joined in one array, so that they must have one shape.
  var isArrays: Bool { self == .safetensors || self == .npz }
}

/// What a format cannot hold, and what is lost only if somebody says so.
public enum ExportLoss: String, Sendable, CaseIterable {
  /// Soft labels; the class index stays.
  case softLabels = "soft-labels"
  /// Float pixels, which become 8-bit ones.
  case precision
}

/// How the folders of an ImageFolder are named.
public enum ClassFolders: String, Sendable, CaseIterable {
  /// By the class, where the sorted names are in index order.
  case names
  /// By the index and the class: `03-cat`.
  case indexed
}

/// How a dataset is written for other programs.
public struct ExportOptions: Sendable {
  /// The format.
  public var format: ExportFormat
  /// Largest size of a file of `mds` and `tfrecord`; only a single sample that is larger makes a larger one.
  public var maxBytes: Int
  /// Compress the files of `mds` with this zstd level (1…19), or not at all.
  public var zstdLevel: Int?
  /// How the folders of `imagefolder` are named.
  public var classFolders: ClassFolders
  /// What may be lost.
  public var losses: Set<ExportLoss>
  /// Whether samples that still hold several training images are refused.
  public var mustBeFormed = false
  /// Bounds on images that are decoded on the way.
  public var limits: Limits

  /// The largest file of MDS, whose offsets have 32 bits.
  public static let largestMDS = 1 << 32 - 1

  /// Makes options; files of 64 MiB unless said.
  public init(
    _ format: ExportFormat, maxBytes: Int = 64 << 20, zstdLevel: Int? = nil, classFolders: ClassFolders = .names,
    losses: Set<ExportLoss> = [], limits: Limits = Limits()
  ) {
    self.format = format
    self.maxBytes = maxBytes
    self.zstdLevel = zstdLevel
    self.classFolders = classFolders
    self.losses = losses
    self.limits = limits
  }
}
