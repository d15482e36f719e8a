public import Datasets
public import Networks

/// Which network, before the images' size is known.
public struct NetworkChoice: Sendable, Equatable {
  /// One of the names in `Architecture.table`.
  public var name: String
  /// What its maps are normalised with; nil for what the network has by default.
  public var norm: Norm?
  /// Feature maps of each block, of networks whose size can be chosen; nil for the usual number.
  public var filters: Int?
  /// Blocks of such a network; nil for the depth that suits the images' size.
  public var depth: Int?
  /// Precision of activations.
  public var precision: Precision

  /// A choice; see the properties.
  public init(
    name: String = Architecture.table[0].name, norm: Norm? = nil, filters: Int? = nil, depth: Int? = nil,
    precision: Precision = .float32
  ) {
    self.name = name
    self.norm = norm
    self.filters = filters
    self.depth = depth
    self.precision = precision
  }

  /// Its options.
  public static var settings: [Setting<NetworkChoice>] {
    [
      Setting("net", \.name), Setting("norm", \.norm), Setting("width", \.filters), Setting("depth", \.depth),
      Setting("precision", \.precision),
    ]
  }

  /// The entry of that name.
  ///
  /// - Precondition: There is one.
  public var entry: Architecture.Entry {
    guard let entry = Architecture.table.first(where: { $0.name == name }) else {
      preconditionFailure("there is no network \(name)")
    }
    return entry
  }

  /// Fills in what follows from the images' size, and leaves out what the network does not have.
  ///
  /// - Parameter isTrained: whether it is trained before it is asked for anything: otherwise batch norm, which goes by the batch
  ///   of one class or by statistics that were never learned, says nothing of how classes differ.
  /// - Throws: `DataError` where the images are too small, or the network does not go with the options.
  public mutating func decide(for task: MethodTask, isTrained: Bool = false) throws(DataError) {
    let entry = entry
    if norm == entry.norm { norm = nil }
    if !isTrained, (norm ?? entry.norm) == .batch {
      let others = entry.norms.filter { $0 != .batch }.map(\.rawValue).joined(separator: " or ")
      throw DataError(
        .usage, at: [task.dataset], "\(name) normalises by batch, and the method shows it one class at a time",
        remedy: "give --norm \(others)")
    }
    _ = try architecture(for: task.shape, classes: task.classes, of: task.dataset)
    let usual = entry.usualSize?(task.shape)
    filters = usual.map { filters ?? $0.filters }
    depth = usual.map { depth ?? $0.depth }
  }

  /// The network for images of one size.
  ///
  /// - Throws: `DataError` where the images of `dataset` are too small, or the network does not go with the options.
  public func architecture(
    for shape: ImageShape, classes: Int, of dataset: String
  ) throws(DataError) -> Architecture {
    let entry = entry
    if let norm, !entry.norms.contains(norm) {
      throw DataError(
        .usage, at: [dataset], "\(name) does not train without a norm",
        remedy: "give --norm \(entry.norms.map(\.rawValue).joined(separator: ", "))")
    }
    guard entry.usualSize != nil || precision == .float32 else {
      throw DataError(.usage, at: [dataset], "\(name) computes in float32", remedy: "leave out --precision")
    }
    guard precision == .float32 || (norm ?? entry.norm) == .instance else {
      throw DataError(
        .usage, at: [dataset], "\(name) computes in bfloat16 with --norm instance alone",
        remedy: "leave out --precision, or --norm")
    }
    var options = Architecture.Options(norm: norm ?? entry.norm)
    if entry.usualSize != nil { (options.filters, options.depth) = (filters, depth) }
    options.precision = precision
    do throws(ArchitectureError) {
      return try entry.make(shape, classes, options)
    } catch {
      throw DataError(
        .badInput, at: [dataset], "\(error)",
        remedy: depth == nil ? "enlarge them with --resize" : "give a smaller --depth, or enlarge them with --resize")
    }
  }

  /// The network for a task that `decide` has accepted.
  func decided(for task: MethodTask) -> Architecture {
    do throws(DataError) {
      return try architecture(for: task.shape, classes: task.classes, of: task.dataset)
    } catch {
      preconditionFailure("a network was asked for images that it was not decided for: \(error)")
    }
  }
}

extension Precision: SettingValue {}
extension Norm: SettingValue {}
extension String: SettingValue {
  /// See `SettingValue`.
  public init?(settingText: String) { self = settingText }
  /// See `SettingValue`.
  public var settingText: String? { self }
  /// See `SettingValue`.
  public static var settingForm: String { "a name" }
}
