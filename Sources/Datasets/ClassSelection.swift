/// Which classes of a dataset stay, and whether those that stay are numbered anew.
public struct ClassSelection: Sendable, Equatable {
  /// Whether each class stays, in index order.
  public let keeps: [Bool]
  /// The new index of each class; nil for a class that leaves.
  public let newLabels: [Int?]
  /// Whether classes that leave are taken out of the list of classes, too.
  ///
  /// Otherwise they stay in it without samples, and every label keeps its meaning.
  public let renumbers: Bool

  /// Keeps the classes that are marked, in index order.
  public init(keeping keeps: [Bool], renumbering: Bool) {
    self.keeps = keeps
    renumbers = renumbering
    var next = 0
    newLabels = keeps.enumerated().map { index, stays in
      guard stays else { return nil }
      defer { next += 1 }
      return renumbering ? next : index
    }
  }

  /// What is true of the samples that stay: class names, and counts where they are known.
  public func applied(to info: DatasetInfo) -> DatasetInfo {
    precondition(info.classNames.count == keeps.count, "a selection belongs to one list of classes")
    var info = info
    if renumbers { info.classNames = kept(of: info.classNames) }
    info.countPerClass = info.countPerClass.map { counts in
      renumbers ? kept(of: counts) : zip(counts, keeps).map { $1 ? $0 : 0 }
    }
    return info
  }

  /// The soft label over the classes that stay in the list.
  ///
  /// Logits lose the columns of the others. Probabilities do, too, and are divided by their sum, so that they add up to 1 again: the
  /// softmax of the logits that are left is the same.
  ///
  /// - Throws: `DataError` (`.badInput`) for probabilities of which nothing is left.
  public func applied(toSoftLabel soft: [Float], kind: DatasetInfo.LabelKind) throws(DataError) -> [Float] {
    guard renumbers else { return soft }
    let left = kept(of: soft)
    guard kind == .probability, left.count < soft.count else { return left }
    // In Double, in index order: the same bytes everywhere.
    let sum = left.reduce(0.0) { $0 + Double($1) }
    guard sum > 0, sum.isFinite else {
      throw DataError(
        .badInput, at: [], "has no probability left in the classes that stay, so that it would have no label",
        remedy: "keep the classes of its soft label, or all indices")
    }
    return left.map { Float(Double($0) / sum) }
  }

  private func kept<T>(of values: [T]) -> [T] { zip(values, keeps).compactMap { $1 ? $0 : nil } }
}
