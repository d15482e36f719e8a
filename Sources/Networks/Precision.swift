/// The precision of activations in a network.
///
/// Weights, statistics, embeddings and gradients of the weights are float32 in either case; in bfloat16 the weights
/// are rounded on the way into each convolution and the activations between the layers are kept rounded.
public enum Precision: String, Sendable, CaseIterable {
  case float32
  case bfloat16
}
