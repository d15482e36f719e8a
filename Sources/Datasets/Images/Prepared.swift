/// Any source as the options ask for it: chosen classes, another size, another name; the source itself where they ask for
/// nothing.
///
/// Throws `badInput` for a class that the source does not have; `next` throws it for floats that shall be resized.
///
/// `log` is told at the end what is remarkable about the images.
public func prepared(
  _ source: any SampleSource, options: ReadOptions, log: @escaping (String) -> Void = { _ in }
) throws(DataError) -> any SampleSource {
  let isUnchanged =
    options.classes.isEmpty && options.resize == nil && options.centerCrop == nil && !options.exifRotate
  guard !isUnchanged || options.name != nil || options.mirror != nil else { return source }
  // Who wrote the description did not turn the images; which of them are to be turned only they know.
  let turned = options.exifRotate ? TurnedShape(source.info.shape, limits: options.limits) : nil
  let described = { (isFinal: Bool) -> DatasetInfo in
    var info = source.info
    guard let turned, info.kind == .samples, info.spectrogram == nil, let shape = info.shape, shape.count == 3,
      shape[1] != shape[2]
    else { return info }
    if !isFinal || !turned.isStill(shape) { info.shape = nil }
    return info
  }
  let opened = OpenedLayout(
    info: described(false), channels: source.info.shape?.first, split: source.info.split,
    finalInfo: { described(true) },
    place: { [source.info.name] }
  ) { () throws(DataError) -> Sample? in
    guard let sample = try source.next() else { return nil }
    turned?.look(at: sample)
    return sample
  }
  return try PreparedSource(opened, options: options, name: options.name ?? source.info.name, log: log)
}

/// Whether images that are turned upright still have the shape that was said of them.
private final class TurnedShape {
  private let shape: [Int]?
  private let limits: Limits
  private var holds = true

  init(_ shape: [Int]?, limits: Limits) { (self.shape, self.limits) = (shape, limits) }

  /// Whether all images that were looked at have that shape.
  func isStill(_ stated: [Int]) -> Bool { holds && shape == stated }

  func look(at sample: Sample) {
    guard holds, let shape, shape.count == 3 else { return }
    var found: [Int]
    switch sample.content {
    case .floats(let array): found = array.shape
    case .pixels(let pixels): found = [pixels.channels, pixels.height, pixels.width]
    case .encoded(let image):
      // One that cannot be read is refused or left out later.
      guard let turned = try? image.shape(limits: limits, turning: true) else { return }
      found = turned
      // A grey file may be among images in colour.
      if found[0] == 1 { found[0] = shape[0] }
    }
    holds = found == shape
  }
}
