public import Datasets
public import Tensors

/// A method of expansion as one value: it parses, records, estimates and runs itself; see `CondensingMethod`.
public protocol ExpandingMethod: Sendable {
  /// What is typed after `--method`.
  static var name: String { get }
  /// Its options: what the catalogue lists for it, bound to its properties.
  static var settings: [Setting<Self>] { get }

  /// The method with the algorithm's own defaults.
  init()

  /// Steps of learning from the samples; nil for a number that suits the machine, and for a method that learns nothing.
  var steps: Int? { get set }

  /// Fills in what follows from the data; afterwards every setting has a value, except for steps.
  ///
  /// - Throws: `DataError` where the options do not fit the data.
  mutating func decide(for task: MethodTask) throws(DataError)

  /// Time and memory of the task, from shapes alone; asked of a method that is decided.
  func cost(of task: MethodTask) -> ExpandingCost

  /// Learns what is to be learned from the samples, and gives their expansion.
  ///
  /// - Parameters:
  ///   - random: where all randomness comes from.
  ///   - control: told of every step, and asked before each whether to stop.
  func expansion(
    of real: some RealImages, normalization: Normalization, using random: RandomSource, control: RunControl
  ) throws -> Expanded
}

extension ExpandingMethod {
  /// Sets an option by its name.
  ///
  /// - Precondition: It is one of the method's.
  public mutating func set(_ option: String, to text: String) throws(SettingError) {
    guard let setting = Self.settings.first(where: { $0.option == option }) else {
      preconditionFailure("the method \(Self.name) has no option --\(option)")
    }
    try setting.set(text, in: &self)
  }

  /// Every setting in force, by option, as it would be typed; those without a value are left out.
  public var recorded: [String: String] {
    Self.settings.reduce(into: [:]) { record, setting in record[setting.option] = setting.text(of: self) }
  }
}

/// What a method of expansion returns, and how far its learning went.
public struct Expanded: Sendable {
  /// The expansion, ready to make its images.
  public var expansion: any Expansion
  /// Steps completed; nil where nothing is learned.
  public var steps: Int?
  /// The report of the last step, if there was one.
  public var lastReport: StepReport?

  /// A result; see the properties.
  public init(_ expansion: any Expansion, steps: Int? = nil, lastReport: StepReport? = nil) {
    self.expansion = expansion
    self.steps = steps
    self.lastReport = lastReport
  }
}
