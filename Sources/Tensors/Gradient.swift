/// The value of `body` at `points`, and its gradients there.
///
/// `body` gets the same points, connected to the gradient, and returns a tensor of one element made of them; tensors that it
/// captures are constants, unless they are points of an enclosing call. A point that the value does not depend on has
/// gradient zero.
///
/// With `createGraph` value and gradients can be differentiated again, by an enclosing call: a gradient with respect to
/// weights inside a function of images, say. Without it they are constants.
///
/// Throws what `body` throws, and `TensorError` when a point is not floating point or the value has more than one element.
public func valueAndGradients(
  at points: [Tensor], createGraph: Bool = false, _ body: ([Tensor]) throws(TensorError) -> Tensor
) throws(TensorError) -> (value: Tensor, gradients: [Tensor]) {
  var tracked: [Tensor] = []
  tracked.reserveCapacity(points.count)
  for point in points {
    tracked.append(try Tensor.make("valueAndGradients", [point]) { C.track(point.reference, &$0) })
  }
  let value = try body(tracked)
  let references = tracked.map(\.reference)
  let gradients = try Tensor.make(points.count, "valueAndGradients", [value] + tracked) {
    C.gradients(value.reference, references, references.count, createGraph, $0)
  }
  return (createGraph ? value : value.detached(), gradients)
}
