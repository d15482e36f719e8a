/// Where data comes from.
public enum Input: Sendable, Equatable {
  /// Whatever is piped or redirected in.
  case standardInput
  /// A file or a folder.
  case file(String)

  /// What messages call it.
  public var name: String {
    switch self {
    case .standardInput: "standard input"
    case .file(let path): path
    }
  }
}

/// What to read of a dataset and how.
public struct ReadOptions: Sendable {
  /// How images are brought to one size.
  public enum Resize: Sendable, Equatable {
    /// The shorter side takes this length and the longer one keeps the proportion (torchvision's `Resize(int)`).
    case shortSide(Int)
    /// Exactly this size, whatever the proportion.
    case exact(height: Int, width: Int)
  }

  /// The layout, where it shall not be recognised from the content.
  public var layout: Layout?
  /// Which split to read.
  public var split: DatasetInfo.Split
  /// Whether data that is no such split is an error; otherwise data without splits is read whole, and the log says so.
  public var isSplitRequired: Bool
  /// Names of the classes to keep, re-indexed in the dataset's own order; empty for all.
  public var classes: [String]
  /// Where the names of image or sound files hold the class; nil for the folder that a file is in.
  public var labelPattern: FilePattern?
  /// Which image or sound files are the test split; nil for what folders called `train` and `test` say.
  public var testPattern: FilePattern?
  /// Whether patterns and columns are an error for data whose samples are not such files; false where they are meant for another input.
  public var requiresPatterns = true
  /// The column with the label, in a table beside the images; nil where its name tells.
  public var labelColumn: String?
  /// The column with the images' file names; nil where its cells tell.
  public var imageColumn: String?
  /// The folds, in a table's column of that name, that are the test split.
  public var testFolds: [String] = []
  /// Which of several datasets in one input is read, by its name or a word of it; nil where there is only one.
  public var subset: String?
  /// The number that is white in arrays of pixels; nil for 255 in bytes, and for what the values of others say.
  public var white: Int?
  /// Which fields of WebDataset samples hold the image, the first that is there; empty for those that are usual.
  public var imageFields: [String] = []
  /// Which field of WebDataset samples holds the label, and for one of JSON the keys in it; empty for those that are usual.
  public var labelField: [String] = []
  /// Whether an image keeps its class when left and right are exchanged; nil for what the data says.
  public var mirror: Bool?
  /// New size; Pillow's antialiased bilinear filter.
  public var resize: Resize?
  /// Side of the square that is cut from the middle, after resizing.
  public var centerCrop: Int?
  /// Whether images are turned upright by their EXIF orientation; otherwise they are read as stored.
  public var exifRotate: Bool
  /// What happens to samples that cannot be read.
  public var onBadSample: BadSamplePolicy
  /// What an input may cost.
  public var limits: Limits
  /// The dataset's name; nil for the layout's own or the file's.
  public var name: String?
  /// Decodes every image that is passed on undecoded, so that damage is found here.
  ///
  /// A consumer that decodes them anyway may switch it off.
  public var checksImages: Bool

  /// Makes options; the defaults read the training split of anything, unchanged.
  public init(
    layout: Layout? = nil, split: DatasetInfo.Split = .train, isSplitRequired: Bool = false, classes: [String] = [],
    labelPattern: FilePattern? = nil, testPattern: FilePattern? = nil, resize: Resize? = nil, centerCrop: Int? = nil,
    exifRotate: Bool = false, onBadSample: BadSamplePolicy = .fail, limits: Limits = Limits(), name: String? = nil,
    checksImages: Bool = true
  ) {
    self.layout = layout
    self.split = split
    self.isSplitRequired = isSplitRequired
    self.classes = classes
    self.labelPattern = labelPattern
    self.testPattern = testPattern
    self.resize = resize
    self.centerCrop = centerCrop
    self.exifRotate = exifRotate
    self.onBadSample = onBadSample
    self.limits = limits
    self.name = name
    self.checksImages = checksImages
  }
}

/// Bounds that stop a decompression bomb or a damaged length before it takes memory or disk.
public struct Limits: Sendable, Equatable {
  /// Largest member that is read into memory whole, in bytes.
  public var maxMemberBytes: Int
  /// Largest image, in pixels.
  public var maxPixels: Int
  /// Most members in one archive.
  public var maxMembers: Int
  /// Largest ratio of decompressed to compressed bytes, once `ratioGrace` bytes have come out.
  public var maxRatio: Int
  /// Decompressed bytes before the ratio counts.
  public var ratioGrace: Int
  /// Largest spill file, in bytes; it holds a pipe's content that must be read twice.
  public var maxSpillBytes: Int

  /// Makes limits: 1 GiB a member, 64 million pixels, 100 million members, 1,000:1 beyond 256 MiB, 64 GiB of spill.
  public init(
    maxMemberBytes: Int = 1 << 30, maxPixels: Int = 64_000_000, maxMembers: Int = 100_000_000, maxRatio: Int = 1000,
    ratioGrace: Int = 256 << 20, maxSpillBytes: Int = 64 << 30
  ) {
    self.maxMemberBytes = maxMemberBytes
    self.maxPixels = maxPixels
    self.maxMembers = maxMembers
    self.maxRatio = maxRatio
    self.ratioGrace = ratioGrace
    self.maxSpillBytes = maxSpillBytes
  }
}
