/// Samples with the same content, in one split or in both.
public struct Duplicates: Sendable {
  /// Samples with one content.
  public struct Group: Sendable {
    /// Where each stands: its split, its class, its place.
    public var samples: [(split: DatasetInfo.Split, className: String, place: String)]
    /// Whether they are of several classes.
    public var differInClass: Bool { Set(samples.map(\.className)).count > 1 }
    /// Whether some are in the train and some in the test split.
    public var crossSplits: Bool { Set(samples.map(\.split)).count > 1 }
  }
  /// All groups, in the order of their first samples.
  public private(set) var groups: [Group] = []

  /// Compares the samples of all parts, which were finished before.
  public init(_ parts: [InspectedPart]) {
    var first: [UInt64: (part: Int, sample: Inspection.Seen)] = [:]
    var numbers: [UInt64: Int] = [:]
    for (index, part) in parts.enumerated() {
      func entry(_ part: InspectedPart, _ sample: Inspection.Seen) -> (DatasetInfo.Split, String, String) {
        (part.info.split, part.info.classNames[sample.label], sample.place)
      }
      for sample in part.inspection.seen {
        guard let before = first[sample.digest] else {
          first[sample.digest] = (index, sample)
          continue
        }
        if let number = numbers[sample.digest] {
          groups[number].samples.append(entry(part, sample))
        } else {
          numbers[sample.digest] = groups.count
          groups.append(Group(samples: [entry(parts[before.part], before.sample), entry(part, sample)]))
        }
      }
    }
  }
}
