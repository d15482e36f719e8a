internal import Synchronization

/// Passes elements on unchanged and reports how many, and how many bytes, have passed.
public struct Counted<Element: Sendable>: Stage {
  /// The stage that the events name.
  public let name: String
  let total: Int?
  let unit: String
  let units: @Sendable (Element) -> Int
  let bytes: (@Sendable (Element) -> Int)?
  let progress: ProgressHandler

  /// A counter that calls `progress` after each element.
  ///
  /// - Parameters:
  ///   - total: the number expected, if known.
  ///   - unit: what is counted, in the plural.
  ///   - units: how many of them an element is.
  ///   - bytes: the size of an element; nil to count none.
  public init(
    _ element: Element.Type = Element.self, as name: String, total: Int? = nil, unit: String = "samples",
    units: @escaping @Sendable (Element) -> Int = { _ in 1 },
    bytes: (@Sendable (Element) -> Int)? = nil, progress: @escaping ProgressHandler
  ) {
    self.name = name
    self.total = total
    self.unit = unit
    self.units = units
    self.bytes = bytes
    self.progress = progress
  }

  /// The elements of `upstream`.
  public func connect(_ upstream: Flow<Element>, _ wiring: inout Wiring) -> Flow<Element> {
    let tally = Tally()
    return Flow { () async throws(PipelineError) -> Element? in
      guard let element = try await upstream.next() else { return nil }
      let (count, size) = tally.add(units(element), bytes?(element) ?? 0)
      progress(
        ProgressEvent(stage: name, done: count, total: total, unit: unit, bytes: bytes == nil ? nil : size))
      return element
    }
  }
}

/// Elements and bytes so far.
private final class Tally: Sendable {
  private let sums = Mutex((count: 0, bytes: 0))

  func add(_ units: Int, _ bytes: Int) -> (count: Int, bytes: Int) {
    sums.withLock { sums in
      sums.count += units
      sums.bytes += bytes
      return sums
    }
  }
}
