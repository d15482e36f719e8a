internal import Catalog
internal import Datasets
internal import Shards

/// What flows from one step to the next, as far as it is known before anything runs.
struct StepFlow: Equatable {
  /// Samples or latents.
  var kind: DatasetInfo.Kind
  /// C×H×W of a sample; nil where they differ, or where that is not known.
  var shape: [Int]?
  /// Class names in index order; nil where that is not known.
  var classes: [String]?
  /// How many there are; nil where that is not known.
  var count: Int?

  /// What a source gives.
  init(_ info: DatasetInfo) {
    (kind, shape, classes) = (info.kind, info.kind == .samples ? info.shape : nil, info.classNames)
    count = info.countPerClass?.reduce(0, +)
  }

  /// What a step makes of it.
  ///
  /// - Parameter isRead: it is what the step has read with its options already.
  func after(_ verb: Verb, _ arguments: Arguments, isRead: Bool) -> StepFlow {
    var flow = self
    if !isRead { flow.prepare(arguments) }
    switch verb.name {
    case "encode", "attend": (flow.kind, flow.shape) = (.latents, nil)
    case "decode" where kind == .latents: (flow.kind, flow.shape) = (.samples, nil)
    case "condense", "expand":
      flow.count = nil
      // A number for each class, as far as there are samples of it.
      if let counts = arguments.counts("ipc"), let classes {
        flow.count = classes.reduce(0) { $0 + (counts.count(of: $1) ?? 0) }
      } else if verb.name == "expand", let count, let ratio = arguments.number("ratio"),
        let whole = Int(exactly: ratio), whole < 1 << 20
      {
        flow.count = count * whole
      }
    default: break
    }
    return flow
  }

  /// What the options of reading change.
  private mutating func prepare(_ arguments: Arguments) {
    guard arguments.verb.option("resize") != nil else { return }
    let kept = arguments.list("classes")
    if !kept.isEmpty {
      if count != nil, kept.count != classes?.count { count = nil }
      classes = classes.map { names in names.filter(kept.contains) }
    }
    guard var shape, shape.count == 3 else { return }
    switch arguments.extent("resize") {
    case .exact(let height, let width): (shape[1], shape[2]) = (height, width)
    case .shortSide(let side) where shape[1] == shape[2]: (shape[1], shape[2]) = (side, side)
    case .shortSide(let side) where arguments.integer("center-crop") == nil:
      self.shape = shape[1] == side || shape[2] == side ? shape : nil
      return
    case .shortSide, nil: break
    }
    if let side = arguments.integer("center-crop") { (shape[1], shape[2]) = (side, side) }
    self.shape = shape
  }

  /// `10 samples 3×32×32, 10 classes`.
  var text: String {
    let number = count.map { "\(grouped($0)) " } ?? ""
    let size = shape.map { " \(shapeText($0))" } ?? ""
    let names = classes.map { ", \(grouped($0.count)) class\($0.count == 1 ? "" : "es")" } ?? ""
    return "\(number)\(kind.rawValue)\(size)\(names)"
  }

  /// The same for programs.
  var json: JSONText {
    .object([
      ("kind", .string(kind.rawValue)),
      ("shape", shape.map { .array($0.map(JSONText.integer)) } ?? .null),
      ("classes", classes.map { .array($0.map(JSONText.string)) } ?? .null),
      ("count", count.map(JSONText.integer) ?? .null),
    ])
  }
}
