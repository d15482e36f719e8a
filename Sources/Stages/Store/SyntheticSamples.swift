public import Datasets
public import Methods
import Shards
import Tensors

/// The result of a method as samples, class by class in index order, keys counted through.
///
/// Selected samples keep their exact pixels and say in their metadata which sample they are, by its file or its key;
/// synthesised ones carry the exact float pixels, un-normalised.
///
/// - Parameter first: the number that is the first sample's key.
public func samples(
  from synthetic: Synthetic, selectedFrom store: ClassStore, countedFrom first: Int = 0
) -> [Sample] {
  guard let sources = synthetic.sources else {
    let size = synthetic.images.count / max(1, synthetic.labels.count)
    let shape = Array(synthetic.images.shape.dropFirst())
    let values = synthetic.images.floats()
    return synthetic.labels.enumerated().map { index, label in
      Sample(
        key: numberKey(first + index),
        content: .floats(FloatArray(shape: shape, values: Array(values[index * size..<(index + 1) * size]))),
        label: label)
    }
  }
  return sources.enumerated().map { index, source in
    Sample(
      key: numberKey(first + index), content: store.content(ofClass: source.label, at: source.index),
      label: source.label, metadata: metadata(source: store.source(ofClass: source.label, at: source.index)))
  }
}

/// `{"source":"cats/1.png"}`; a path may hold what JSON has to escape.
private func metadata(source: String) -> [UInt8] { encodeJSON(["source": source], keysAreData: true) }
