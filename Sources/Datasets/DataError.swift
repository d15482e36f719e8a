/// Something is wrong with data or with the place where data should go: what, where, and what to do about it.
public struct DataError: Error, Sendable, Equatable {
  /// Whose fault it is, which decides the exit code and whether trying again can help.
  public enum Fault: Sendable, Equatable {
    /// The input is damaged or not what it claims to be; trying again cannot help.
    case badInput
    /// The options ask for more than this input or this machine can give; other options do not.
    case usage
    /// There is no input.
    case noInput
    /// One sample cannot be read; those after it can.
    case badSample
    /// The output cannot be created.
    case cannotCreate
    /// Reading or writing failed.
    case io
    /// The upstream ended early, or memory or time ran out; trying again may help.
    case temporary
    /// The upstream failed and said why; the sink leaves with that exit code.
    case upstream(exitCode: Int32)
  }
  /// Whose fault.
  public var fault: Fault
  /// Archive, member or sample key; outermost first: `["cifar.tar.gz", "data_batch_2.bin", "record 17"]`.
  public var place: [String]
  /// What is wrong, with what was expected and what was found; no capital, no full stop.
  public var problem: String
  /// What to do, as a sentence without capital and full stop; nil where nothing helps.
  public var remedy: String?
  /// The samples that are at fault, where it is more than one; the problem says how many.
  public var badSamples: BadSamples?

  /// Makes an error.
  public init(_ fault: Fault, at place: [String], _ problem: String, remedy: String? = nil) {
    self.fault = fault
    self.place = place
    self.problem = problem
    self.remedy = remedy
  }
}

extension DataError: CustomStringConvertible {
  /// One sentence: place, problem, remedy.
  public var description: String {
    let head = place.isEmpty ? problem : "\(place.joined(separator: ": ")): \(problem)"
    guard let remedy else { return head }
    return "\(head); \(remedy)"
  }
}

/// What to do about what is found in many places.
enum Remedy {
  /// About one sample.
  static let replaceSample = "replace it, or leave it out with --on-bad-sample skip"
  /// About an input that is cut or damaged.
  static let getItAgain = "get or make it again, and compare its size or checksum with the source's"
  /// About labels and images that do not belong together.
  static let pairUp = "give every image a label and every label an image, or leave both out"
  /// About a label beyond the class names.
  static let nameAll = "correct the label, or name all classes"
  /// About nothing where samples were expected.
  static let lookInside = "look whether this is the right input, and whether --classes or --split leave anything of it"
}
