public import Datasets
public import Tensors

/// A method of condensation as one value: it parses, records, estimates and runs itself.
///
/// Its properties are its options. A method has a description of the same name in the catalogue, and a line in `Registry`;
/// nothing else names it.
public protocol CondensingMethod: Sendable {
  /// What is typed after `--method`.
  static var name: String { get }
  /// What is known of the method whatever its options are.
  static var traits: MethodTraits { get }
  /// Its options: what the catalogue lists for it, bound to its properties.
  static var settings: [Setting<Self>] { get }
  /// The option that tells the steps; a run that was stopped is repeated by giving it the steps that were reached.
  static var stepsOption: String { get }

  /// The method with the algorithm's own defaults.
  init()

  /// Steps of learning: of images, of a model, or of the network whose features are compared.
  ///
  /// Nil for a number that suits the machine, and for a method without steps.
  var steps: Int? { get set }

  /// Fills in what follows from the data, and from the steps once there are some; afterwards every setting has a value, except for
  /// the steps.
  ///
  /// - Throws: `DataError` where the options do not fit the data.
  mutating func decide(for task: MethodTask) throws(DataError)

  /// Takes as many trained networks and epochs as there are in a file, as far as nothing was typed.
  mutating func adopt(networks: Int, epochs: Int)

  /// Shares a time out between what comes before the steps and the steps, as far as nothing was typed; the steps are chosen afterwards.
  mutating func share(_ budget: TimeBudget)

  /// Time and memory of the task, from shapes alone; asked of a method that is decided.
  func cost(of task: MethodTask) -> Cost

  /// Makes `counts[c]` images of each class c.
  ///
  /// - Parameters:
  ///   - normalization: what networks see images shifted and scaled by.
  ///   - random: where all randomness comes from.
  ///   - control: told of every step, and asked before each whether to stop.
  func condense(
    _ real: some RealImages, counts: [Int], normalization: Normalization, using random: RandomSource,
    control: RunControl
  ) throws -> Condensation
}

extension CondensingMethod {
  /// See `CondensingMethod`.
  public static var stepsOption: String { "steps" }

  /// See `CondensingMethod`: it asks for the numbers that it has.
  public mutating func adopt(networks: Int, epochs: Int) {}

  /// See `CondensingMethod`: all of it is left to the steps.
  public mutating func share(_ budget: TimeBudget) {}

  /// Sets an option by its name.
  ///
  /// - Precondition: It is one of the method's.
  public mutating func set(_ option: String, to text: String) throws(SettingError) {
    guard let setting = Self.settings.first(where: { $0.option == option }) else {
      preconditionFailure("the method \(Self.name) has no option --\(option)")
    }
    try setting.set(text, in: &self)
  }

  /// Sets every option that is among the recorded ones.
  public mutating func setAll(_ recorded: [String: String]) throws(SettingError) {
    for setting in Self.settings {
      if let text = recorded[setting.option] { try setting.set(text, in: &self) }
    }
  }

  /// Every setting in force, by option, as it would be typed; those without a value are left out.
  public var recorded: [String: String] {
    Self.settings.reduce(into: [:]) { record, setting in record[setting.option] = setting.text(of: self) }
  }
}

/// What is known of a method whatever its options are.
public struct MethodTraits: Sendable, Equatable {
  /// Whether it learns images or a model; otherwise it selects real images.
  public var learns: Bool
  /// Whether it makes at most as many images of a class as the class has samples.
  public var isBoundedBySamples: Bool
  /// Whether a stored image may hold several training images; see `Formation`.
  public var acceptsFormation: Bool
  /// Whether a run can go on from an `ImageCheckpoint`.
  public var resumes: Bool
  /// Options to lower when the loss diverges.
  public var learningRates: [String]

  /// Traits; see the properties.
  public init(
    learns: Bool, isBoundedBySamples: Bool, acceptsFormation: Bool = false,
    resumes: Bool = false, learningRates: [String] = ["lr"]
  ) {
    self.learns = learns
    self.isBoundedBySamples = isBoundedBySamples
    self.acceptsFormation = acceptsFormation
    self.resumes = resumes
    self.learningRates = learningRates
  }
}

/// What a method is to work on, as far as shapes tell.
public struct MethodTask: Sendable {
  /// Name of the data, for errors.
  public var dataset: String
  /// Size of every image.
  public var shape: ImageShape
  /// Images to make of each class.
  public var counts: [Int]
  /// Real images of each class; 0 where that is not known yet.
  public var available: [Int]
  /// Whether the images are spectrograms.
  public var isSpectrogram: Bool
  /// Whether images are mirrored where nobody chose an augmentation, see `RealImages`.
  public var keepsClassesMirrored: Bool

  /// A task; see the properties.
  ///
  /// - Parameter keepsClassesMirrored: nil for images in colour.
  public init(
    dataset: String, shape: ImageShape, isSpectrogram: Bool = false, keepsClassesMirrored: Bool? = nil, counts: [Int],
    available: [Int]
  ) {
    self.dataset = dataset
    self.shape = shape
    self.isSpectrogram = isSpectrogram
    self.keepsClassesMirrored = keepsClassesMirrored ?? (shape.channels > 1)
    self.counts = counts
    self.available = available
  }

  /// The task of making so much of real images.
  init(_ real: some RealImages, counts: [Int]) {
    self.init(
      dataset: "real images", shape: real.shape, isSpectrogram: real.isSpectrogram,
      keepsClassesMirrored: real.keepsClassesMirrored, counts: counts,
      available: (0..<real.classCount).map { real.count(ofClass: $0) })
  }

  /// Number of classes.
  public var classes: Int { counts.count }
  /// What suits the images if no augmentation is asked for: none for spectrograms, as in IDC's code, which a mirrored or turned one would
  /// make another sound.
  var usualAugmentation: AugmentationStrategy { isSpectrogram ? .none : .usual(flip: keepsClassesMirrored) }

  /// The operations of IDC's combination that suit the images: of grey ones color and crop, of others cutout, too, and of those that keep
  /// their classes flip; of spectrograms none.
  var combinedAugmentation: AugmentationStrategy {
    if isSpectrogram { return .none }
    let operations: [AugmentationStrategy.Operation] = [.color, .crop] + (shape.channels == 1 ? [] : [.cutout])
    return AugmentationStrategy(operations + (keepsClassesMirrored ? [.flip] : []))
  }
  /// Images to make, of all classes.
  var images: Double { counts.reduce(0) { $0 + Double($1) } }
  /// Values of one image.
  var pixels: Double { shape.values }
  /// Real images of the class that has most.
  var largestClass: Int { available.max() ?? 0 }
}
