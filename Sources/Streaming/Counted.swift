internal import Synchronization

/// Passes elements on unchanged and reports how many, and how many bytes, have passed.
public struct Counted<Element: Sendable>: Stage {
  /// The stage that the events name.
  public let name: String
  let total: Int?
  let unit: String
  let bytes: (@Sendable (Element) -> Int)?
  let progress: ProgressHandler

  /// A counter that calls `progress` after each element.
  ///
  /// - Parameters:
  ///   - total: the number of elements expected, if known.
  ///   - unit: what the elements are called, in the plural.
  ///   - bytes: the size of an element; nil to count none.
  public init(
    _ element: Element.Type = Element.self, as name: String, total: Int? = nil, unit: String = "samples",
    bytes: (@Sendable (Element) -> Int)? = nil, progress: @escaping ProgressHandler
  ) {
    self.name = name
    self.total = total
    self.unit = unit
    self.bytes = bytes
    self.progress = progress
  }

  /// The elements of `upstream`.
  public func connect(_ upstream: Flow<Element>, _ wiring: inout Wiring) -> Flow<Element> {
    let tally = Tally()
    return Flow { () async throws(PipelineError) -> Element? in
      guard let element = try await upstream.next() else { return nil }
      let (count, size) = tally.add(bytes?(element) ?? 0)
      progress(
        ProgressEvent(stage: name, done: count, total: total, unit: unit, bytes: bytes == nil ? nil : size))
      return element
    }
  }
}

/// Elements and bytes so far.
private final class Tally: Sendable {
  private let sums = Mutex((count: 0, bytes: 0))

  func add(_ bytes: Int) -> (count: Int, bytes: Int) {
    sums.withLock { sums in
      sums.count += 1
      sums.bytes += bytes
      return sums
    }
  }
}
