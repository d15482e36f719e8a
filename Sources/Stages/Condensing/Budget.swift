public import Datasets

/// Images per class, before the classes are known: `10`, or `cat=5,dog=10,*=3`.
public struct Budget: Sendable, Equatable {
  /// For classes that are not named; nil where each must be.
  public var rest: Int?
  /// By class name.
  public var named: [String: Int]

  /// Makes a budget.
  public init(rest: Int?, named: [String: Int] = [:]) {
    self.rest = rest
    self.named = named
  }

  /// Images per class in index order.
  ///
  /// Throws where a name is not a class, or where a class is neither named nor covered by `*`.
  public func counts(classNames: [String], dataset: String) throws(DataError) -> [Int] {
    for name in named.keys.sorted() where !classNames.contains(name) {
      throw DataError(
        .badInput, at: [dataset],
        "--ipc names the class \(name), and the data has no such class", remedy: "the classes are \(listed(classNames))"
      )
    }
    var counts: [Int] = []
    for name in classNames {
      guard let count = named[name] ?? rest else {
        throw DataError(
          .badInput, at: [dataset], "--ipc gives no number for the class \(name)", remedy: "add \(name)=N or *=N")
      }
      counts.append(count)
    }
    guard counts.contains(where: { $0 > 0 }) else {
      throw DataError(
        .badInput, at: [dataset], "--ipc keeps no image of any class",
        remedy: "give one of them a number above 0")
    }
    return counts
  }

  /// The budget as it is typed: `10`, `cat=5,*=3`.
  public var text: String {
    if named.isEmpty, let rest { return String(rest) }
    let pairs = named.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
    return (pairs + (rest.map { ["*=\($0)"] } ?? [])).joined(separator: ",")
  }
}

/// The first names; data sets have thousands of classes.
private func listed(_ names: [String]) -> String {
  names.prefix(20).joined(separator: ", ") + (names.count > 20 ? ", …" : "")
}
