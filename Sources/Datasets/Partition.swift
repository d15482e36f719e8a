/// A part of the classes of one run, for several machines to make its result together: part 2 of 8, counted from 1.
public struct Partition: Sendable, Equatable {
  /// The part, from 1 to `parts`.
  public let part: Int
  /// Number of parts.
  public let parts: Int

  /// A part; nil where there is no such one.
  public init?(part: Int, of parts: Int) {
    guard parts >= 1, (1...parts).contains(part) else { return nil }
    (self.part, self.parts) = (part, parts)
  }

  /// The part that a text such as `2/8` names; nil for any other text.
  public init?(_ text: String) {
    let numbers = text.split(separator: "/", omittingEmptySubsequences: false)
    guard numbers.count == 2, numbers.allSatisfy({ $0.allSatisfy { "0"..."9" ~= $0 } }),
      let part = Int(numbers[0]), let parts = Int(numbers[1])
    else { return nil }
    self.init(part: part, of: parts)
  }

  /// `2/8`.
  public var text: String { "\(part)/\(parts)" }

  /// The classes of the part: neighbours in index order, cut so that all parts have about as many samples.
  ///
  /// It follows from the numbers alone, so that machines that know nothing of each other agree. Every part has a class of which images
  /// are wanted; a class of which none are belongs to any part.
  ///
  /// - Parameters:
  ///   - samples: of each class.
  ///   - wanted: images to make of each class.
  /// - Returns: Nil where there are more parts than classes of which images are wanted.
  public func classes(samples: [Int], wanted: [Int]) -> Range<Int>? {
    precondition(samples.count == wanted.count, "two tables of one set have as many classes")
    let labels = wanted.indices.filter { wanted[$0] > 0 }
    guard labels.count >= parts else { return nil }
    // The place among `labels` at which each part begins: where the samples before come nearest to its share.
    var before = [0.0]
    for label in labels { before.append(before[before.count - 1] + Double(samples[label])) }
    let total = before[labels.count]
    func cut(_ number: Int, after least: Int) -> Int {
      let (share, most) = (total * Double(number) / Double(parts), labels.count - (parts - number))
      var place = least
      while place < most, abs(before[place + 1] - share) < abs(before[place] - share) { place += 1 }
      return place
    }
    var start = 0
    for number in 1..<part { start = cut(number, after: start + 1) }
    let end = part == parts ? labels.count : cut(part, after: start + 1)
    return labels[start]..<(labels[end - 1] + 1)
  }
}
