// The same elements in another arrangement. Axes may be negative and then count from the end.

extension Tensor {
  /// The elements in row-major order under another shape; one extent may be -1 and is then computed.
  public func reshaped(_ shape: [Int]) throws(TensorError) -> Tensor {
    let dims = shape.map(Int64.init)
    return try Tensor.make("reshaped\(shape)", [self]) { C.reshape(reference, dims, dims.count, &$0) }
  }

  /// The axes from `from` on joined to one.
  public func flattened(from: Int = 0) throws(TensorError) -> Tensor {
    try Tensor.make("flattened", [self]) { C.flatten(reference, Int64(from), &$0) }
  }

  /// Two axes exchanged; the last two when none are given.
  public func transposed(_ a: Int = -2, _ b: Int = -1) throws(TensorError) -> Tensor {
    try Tensor.make("transposed", [self]) { C.transpose(reference, Int64(a), Int64(b), &$0) }
  }

  /// Axis i of the result is axis `axes[i]` of the tensor.
  public func permuted(_ axes: [Int]) throws(TensorError) -> Tensor {
    let list = axes.map(Int64.init)
    return try Tensor.make("permuted\(axes)", [self]) { C.permute(reference, list, list.count, &$0) }
  }

  /// A new axis of extent 1 at `axis`.
  public func unsqueezed(_ axis: Int) throws(TensorError) -> Tensor {
    try Tensor.make("unsqueezed", [self]) { C.unsqueeze(reference, Int64(axis), &$0) }
  }

  /// Without `axis`, which must have extent 1.
  public func squeezed(_ axis: Int) throws(TensorError) -> Tensor {
    try Tensor.make("squeezed", [self]) { C.squeeze(reference, Int64(axis), &$0) }
  }

  /// Axes of extent 1 repeated to the extents of `shape`, without a copy; -1 leaves an extent as it is.
  public func expanded(to shape: [Int]) throws(TensorError) -> Tensor {
    let dims = shape.map(Int64.init)
    return try Tensor.make("expanded\(shape)", [self]) { C.expand(reference, dims, dims.count, &$0) }
  }

  /// The entries from..<to along `axis`, every `step`-th; a view.
  ///
  /// Throws unless 0 ≤ from ≤ to ≤ extent.
  public func slice(axis: Int = 0, from: Int, to: Int, step: Int = 1) throws(TensorError) -> Tensor {
    try Tensor.make("slice", [self]) { C.slice(reference, Int64(axis), Int64(from), Int64(to), Int64(step), &$0) }
  }

  /// The entries along `axis` at `indices` (int64, rank 1), in that order.
  ///
  /// Throws when an index is out of range.
  public func indexed(by indices: Tensor, axis: Int = 0) throws(TensorError) -> Tensor {
    try Tensor.make("indexed", [self, indices]) { C.indexSelect(reference, Int64(axis), indices.reference, &$0) }
  }

  /// The entry along `axis` that each element of `indices` (int64, the shape of the result) names.
  public func gathered(_ indices: Tensor, axis: Int) throws(TensorError) -> Tensor {
    try Tensor.make("gathered", [self, indices]) { C.gather(reference, Int64(axis), indices.reference, &$0) }
  }

  /// The tensors one after the other along `axis`, which exists already.
  public static func concatenated(_ tensors: [Tensor], axis: Int = 0) throws(TensorError) -> Tensor {
    let references = tensors.map(\.reference)
    return try make("concatenated", tensors) { C.concatenate(references, references.count, Int64(axis), &$0) }
  }

  /// The tensors, all of one shape, as the entries of a new axis.
  public static func stacked(_ tensors: [Tensor], axis: Int = 0) throws(TensorError) -> Tensor {
    let references = tensors.map(\.reference)
    return try make("stacked", tensors) { C.stack(references, references.count, Int64(axis), &$0) }
  }

  /// `pads` entries of `value` added before and after the last axis, then the one before it: [left, right, top,
  /// bottom].
  ///
  /// Negative pads cut entries off.
  public func padded(_ pads: [Int], value: Double = 0) throws(TensorError) -> Tensor {
    let list = pads.map(Int64.init)
    return try Tensor.make("padded\(pads)", [self]) { C.pad(reference, list, list.count, value, &$0) }
  }

  /// The entries along each of `axes` in reverse order.
  public func flipped(axes: [Int]) throws(TensorError) -> Tensor {
    let list = axes.map(Int64.init)
    return try Tensor.make("flipped\(axes)", [self]) { C.flip(reference, list, list.count, &$0) }
  }

  /// The entries along `axis` moved on by `shift`; those that leave at the end come in at the start.
  public func rolled(by shift: Int, axis: Int) throws(TensorError) -> Tensor {
    try Tensor.make("rolled", [self]) { C.roll(reference, Int64(shift), Int64(axis), &$0) }
  }
}
