/// Groups consecutive elements into arrays of `count`; the last may be shorter, and none is empty.
///
/// A failure above is thrown at once: the incomplete batch before it is dropped.
public struct Batched<Element: Sendable>: Stage {
  /// The number of elements of a full batch.
  public let count: Int
  /// The name that errors show.
  public var name: String { "batch" }

  /// Batches of `count` elements, at least 1.
  public init(_ element: Element.Type = Element.self, count: Int) {
    precondition(count >= 1, "A batch holds at least 1 element, not \(count).")
    self.count = count
  }

  /// The elements of `upstream` in batches.
  public func connect(_ upstream: Flow<Element>, _ wiring: inout Wiring) -> Flow<[Element]> {
    Flow { () async throws(PipelineError) -> [Element]? in
      var batch: [Element] = []
      while batch.count < count, let element = try await upstream.next() {
        batch.append(element)
      }
      return batch.isEmpty ? nil : batch
    }
  }
}
