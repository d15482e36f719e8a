/// An operation on tensors that could not be done.
public struct TensorError: Error, Sendable, Equatable {
  /// Name of the operation.
  public var operation: String
  /// Shapes of the tensors it was given, in order.
  public var shapes: [[Int]]
  /// What was expected and what was found.
  public var message: String

  /// Makes an error.
  public init(_ operation: String, _ shapes: [[Int]], _ message: String) {
    self.operation = operation
    self.shapes = shapes
    self.message = message
  }
}

extension TensorError {
  /// Whether the system gave no memory: nobody's mistake, and another time it may.
  public var isOutOfMemory: Bool { message.hasPrefix(C.memoryExhausted) }
}

extension TensorError: CustomStringConvertible {
  /// One sentence: operation, shapes, message.
  public var description: String {
    let list = shapes.map { "\($0)" }.joined(separator: " and ")
    return list.isEmpty ? "\(operation): \(message)" : "\(operation) of \(list): \(message)"
  }
}
