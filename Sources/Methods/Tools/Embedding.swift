internal import Networks
internal import Tensors

/// Images that one pass through a network takes at a time.
///
/// Small enough that the largest feature map of a chunk stays near the cache, and of one shape, so that a class gives
/// the same numbers whichever other classes are computed beside it.
let chunkSize = 64

/// Images that one pass takes at a time where tensors are: on a GPU, which has no such cache, many more, because every pass waits
/// for its operations to be started.
var passSize: Int { Runtime.device == .cpu ? chunkSize : 1024 }

/// Embeds rows in chunks of one shape; the last chunk is filled up with zeros that are cut off again.
///
/// For images without a gradient: (n, C, H, W) → (n, featureCount).
func embedded(_ images: Tensor, in network: Network) throws(TensorError) -> Tensor {
  try inFixedChunks(images) { chunk throws(TensorError) in try network.embed(chunk) }
}

/// Applies a function to rows in chunks of one shape; the last chunk is filled up with zeros that are cut off again.
func inFixedChunks(
  _ images: Tensor, _ body: (Tensor) throws(TensorError) -> Tensor
) throws(TensorError) -> Tensor {
  let count = images.shape[0]
  let size = Runtime.device == .cpu ? chunkSize : max(1, min(passSize, count))
  var results: [Tensor] = []
  for start in stride(from: 0, to: count, by: size) {
    let rows = min(size, count - start)
    let chunk = try images.slice(axis: 0, from: start, to: start + rows)
    if rows == size {
      results.append(try body(chunk))
    } else {
      let filling = Tensor.zeros([size - rows] + images.shape.dropFirst())
      results.append(try body(Tensor.concatenated([chunk, filling], axis: 0)).slice(axis: 0, from: 0, to: rows))
    }
  }
  return try Tensor.concatenated(results, axis: 0)
}

/// Embeds rows in nearly equal chunks of at most `passSize`, keeping the graph: for images with a gradient.
func embeddedKeepingGraph(_ images: Tensor, in network: Network) throws(TensorError) -> Tensor {
  let ranges = evenRanges(images.shape[0], atMost: passSize)
  if ranges.count == 1 { return try network.embed(images) }
  var results: [Tensor] = []
  for range in ranges {
    results.append(try network.embed(images.slice(axis: 0, from: range.lowerBound, to: range.upperBound)))
  }
  return try Tensor.concatenated(results, axis: 0)
}

/// Splits `count` rows into the fewest ranges of at most `limit`, their lengths differing by at most one.
func evenRanges(_ count: Int, atMost limit: Int) -> [Range<Int>] {
  let pieces = (count + limit - 1) / limit
  return (0..<pieces).map { piece in (piece * count / pieces)..<((piece + 1) * count / pieces) }
}
