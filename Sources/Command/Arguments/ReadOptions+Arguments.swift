internal import Catalog
public import Datasets

extension ReadOptions {
  /// What the options of the group “Reading” ask for.
  ///
  /// - Throws: `UsageError` when two of them contradict each other.
  public init(_ arguments: Arguments) throws(UsageError) {
    try self.init(layoutOf: arguments)
    (classes, centerCrop) = (arguments.list("classes"), arguments.integer("center-crop"))
    if arguments.verb.option("split") != nil {
      split = arguments.choice("split").flatMap(DatasetInfo.Split.init(rawValue:)) ?? .train
      isSplitRequired = arguments.given("split")
    }
    if arguments.verb.option("name") != nil { name = arguments.text("name") }
    mirror = arguments.choice("mirror").map { $0 == "yes" }
    exifRotate = arguments.flag("exif-rotate")
    onBadSample = try arguments.badSamplePolicy()
    switch arguments.extent("resize") {
    case .shortSide(let length): resize = .shortSide(length)
    case .exact(let height, let width): resize = .exact(height: height, width: width)
    case nil: resize = nil
    }
    let side =
      switch resize {
      case .shortSide(let length): length
      case .exact(let height, let width): min(height, width)
      case nil: Int.max
      }
    if let crop = centerCrop, crop > side {
      throw UsageError("--center-crop \(crop) is larger than the images, which --resize makes \(side) pixels small")
    }
  }

  /// What those of them ask for that say how data is laid out.
  ///
  /// - Throws: `UsageError` for a pattern or a field that is none.
  init(layoutOf arguments: Arguments) throws(UsageError) {
    self.init(
      layout: arguments.choice("layout").flatMap(Layout.init(named:)),
      labelPattern: try arguments.filePattern("label-pattern"), testPattern: try arguments.filePattern("test-pattern"))
    (labelColumn, imageColumn) = (arguments.text("label-column"), arguments.text("image-column"))
    testFolds = arguments.list("test-fold")
    if let labelPattern, !labelPattern.hasLabel {
      throw UsageError(
        "--label-pattern '\(labelPattern.text)' has no {label}", hint: "write it where the class stands: {label}_*")
    }
    if let testPattern, testPattern.hasLabel {
      throw UsageError(
        "--test-pattern '\(testPattern.text)' has a {label}",
        hint: "write * there; the label belongs into --label-pattern")
    }
    subset = arguments.text("subset")
    white = arguments.integer("white")
    imageFields = arguments.text("image-field").map { $0.lowercased().split(separator: ";").map(String.init) } ?? []
    labelField = arguments.text("label-field").map(Self.labelField) ?? []
    if arguments.given("image-field"), imageFields.isEmpty {
      throw UsageError("--image-field names no field", hint: "name one, such as jpg, or several, as in 'jpg;png'")
    }
    if arguments.given("label-field"), labelField.first?.isEmpty ?? true || labelField.contains("") {
      throw UsageError("--label-field names no field", hint: "name one, such as cls, or a key in one, as in json:label")
    }
  }

  /// `json:meta:class` as the field, in lower case as all fields, and the keys in it.
  private static func labelField(_ text: String) -> [String] {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
    return [parts[0].lowercased()] + parts.dropFirst()
  }

  /// Whether samples pass as they are.
  var changesNothing: Bool {
    classes.isEmpty && resize == nil && centerCrop == nil && !exifRotate && mirror == nil
  }
}

extension Arguments {
  /// What `--on-bad-sample` and `--max-bad` say.
  fileprivate func badSamplePolicy() throws(UsageError) -> BadSamplePolicy {
    let most = text("max-bad")
    guard choice("on-bad-sample") == "skip" else {
      guard most == nil else {
        throw UsageError("--max-bad limits what --on-bad-sample skip leaves out", hint: "add --on-bad-sample skip")
      }
      return .fail
    }
    guard let most else { return .skip() }
    if let count = Int(most), count >= 0 { return .skip(limit: .count(count)) }
    if most.hasSuffix("%"), let percent = Double(most.dropLast()), (0...100).contains(percent) {
      return .skip(limit: .fraction(percent / 100))
    }
    throw UsageError("--max-bad takes a number such as 10, or a part such as 1%, not \(quoted(most))")
  }

  /// A pattern for names of files; nil where there is none.
  fileprivate func filePattern(_ option: String) throws(UsageError) -> FilePattern? {
    guard let text = text(option) else { return nil }
    do throws(FilePattern.Malformed) {
      return try FilePattern(text)
    } catch {
      throw UsageError("--\(option) '\(text)' \(error.problem)")
    }
  }
}

extension Input {
  /// A path as it is typed: `-` is the standard input.
  public init(path: String) {
    self = path == "-" ? .standardInput : .file(path)
  }
}
