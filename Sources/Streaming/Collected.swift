/// A sink that keeps every element, for streams that are known to be short.
public struct Collected<Input: Sendable>: Sink {
  /// The name that errors show.
  public var name: String { "collect" }

  /// A sink for elements of the given type.
  public init(_ element: Input.Type = Input.self) {}

  /// All elements, in order.
  public func consume(_ flow: Flow<Input>) async throws(PipelineError) -> [Input] {
    var elements: [Input] = []
    while let element = try await flow.next() { elements.append(element) }
    return elements
  }
}
