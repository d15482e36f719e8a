import TensorTurn
import Testing

/// All suites that use tensors, one after the other: operations use every core, and a test measures memory.
@Suite(.serialized, .takesTurns) enum TensorsTests {}
