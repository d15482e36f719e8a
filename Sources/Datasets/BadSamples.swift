/// A sample that cannot be read.
public struct BadSample: Sendable, Equatable, Codable {
  /// The key that it would have had; empty where it is not known.
  public var key: String
  /// Where it stands in the input: member, field; before them the archive, where the input is several.
  public var place: String
  /// What is wrong with it.
  public var reason: String

  /// A bad sample; see the properties.
  public init(key: String, place: String, reason: String) {
    self.key = key
    self.place = place
    self.reason = reason
  }
}

/// The samples of an input that cannot be read.
public struct BadSamples: Sendable, Equatable, Codable {
  /// The most that are listed; of others it is only known that they are there.
  public static let listLength = 1000

  /// How many there are.
  public var count: Int
  /// The first of them, in the order of the input.
  public var samples: [BadSample]

  /// A list of bad samples, cut where it is too long.
  public init(count: Int, samples: [BadSample]) {
    self.count = count
    self.samples = Array(samples.prefix(Self.listLength))
  }

  /// What to say where the list is cut: `and 12 more, which are not listed`; nil where it is whole.
  public var rest: String? {
    count > samples.count ? "and \(grouped(count - samples.count)) more, which are not listed" : nil
  }
}

/// What happens to a sample that cannot be read.
public enum BadSamplePolicy: Sendable, Equatable {
  /// The whole input is read to list all of them, then reading fails.
  case fail
  /// They are left out and counted; more of them than the limit are a failure as well.
  case skip(limit: Limit? = nil)

  /// How many may be left out.
  public enum Limit: Sendable, Equatable {
    /// So many.
    case count(Int)
    /// That part of all samples, 0 to 1.
    case fraction(Double)
  }

  /// Whether so many of that many samples may be left out.
  func allows(_ bad: Int, of all: Int) -> Bool {
    switch self {
    case .fail: bad == 0
    case .skip(nil): true
    case .skip(.count(let most)?): bad <= most
    case .skip(.fraction(let most)?): Double(bad) <= most * Double(all)
    }
  }
}

extension DatasetInfo {
  /// The same with what was left out in the last step of its history.
  public func leavingOut(_ skipped: BadSamples?) -> DatasetInfo {
    guard let skipped, !provenance.isEmpty else { return self }
    var info = self
    info.provenance[info.provenance.count - 1].skipped = skipped
    return info
  }
}
