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
  let described = {
    var info = source.info
    if options.exifRotate, let shape = info.shape, shape.count == 3, shape[1] != shape[2] { info.shape = nil }
    return info
  }
  let opened = OpenedLayout(
    info: described(), channels: source.info.shape?.first, split: source.info.split, finalInfo: described,
    place: { [source.info.name] }
  ) { () throws(DataError) -> Sample? in
    try source.next()
  }
  return try PreparedSource(opened, options: options, name: options.name ?? source.info.name, log: log)
}
