/// A layout's samples as the options ask for them, under the contract of `SampleSource`: nil again after the end, the same
/// error again after a failure, and an error instead of an empty dataset.
final class PreparedSource: SampleSource {
  /// What the options make of the description; after the last sample, of what is known then.
  private(set) var info: DatasetInfo
  private let inner: OpenedLayout
  private let preparation: Preparation
  private let name: String
  private let log: (String) -> Void
  /// New index per old one; nil drops the class.
  private let newLabels: [Int?]?
  private var delivered = 0
  private var ended = false
  private var failure: DataError?

  init(
    _ opened: OpenedLayout, options: ReadOptions, name: String, log: @escaping (String) -> Void = { _ in }
  ) throws(DataError) {
    inner = opened
    preparation = Preparation(options: options, channels: opened.channels)
    self.name = name
    self.log = log
    (info, newLabels) = try Self.described(opened.info, channels: opened.channels, options, name: name)
  }

  private static func described(
    _ original: DatasetInfo, channels: Int?, _ options: ReadOptions, name: String
  ) throws(DataError) -> (DatasetInfo, [Int?]?) {
    var info = original
    let newLabels = try chooseClasses(&info, options.classes, name: name)
    info.shape = newShape(info.shape, channels: channels, options)
    if let name = options.name { info.name = name }
    return (info, newLabels)
  }

  func next() throws(DataError) -> Sample? {
    guard let pending = try nextPending() else { return nil }
    do throws(DataError) {
      return try pending.finished()
    } catch {
      failure = error
      throw error
    }
  }

  func nextPending() throws(DataError) -> PendingSample? {
    if let failure { throw failure }
    if ended { return nil }
    do throws(DataError) {
      while var sample = try inner.next() {
        if let newLabels {
          guard let label = newLabels[sample.label] else { continue }
          sample.label = label
          sample.softLabel = sample.softLabel.map { soft in zip(soft, newLabels).compactMap { $1 == nil ? nil : $0 } }
        }
        delivered += 1
        let finish = inner.finish
        guard finish != nil || preparation.isNeeded(for: sample) else { return PendingSample(sample) }
        let place = inner.place()
        return PendingSample(byteCount: sample.content.byteCount) { [preparation, sample] () throws(DataError) in
          let whole = try located(place) { () throws(DataError) in try finish?(sample) ?? sample }
          return preparation.isNeeded(for: whole) ? try preparation.prepared(whole, at: place) : whole
        }
      }
      guard delivered > 0 else {
        throw DataError(.badInput, at: [name], "there are no samples in it", remedy: Remedy.lookInside)
      }
      if let final = inner.finalInfo() {
        info = try Self.described(final, channels: inner.channels, preparation.options, name: name).0
      }
    } catch {
      failure = error
      throw error
    }
    ended = true
    for note in inner.closingNotes() { log("\(name): \(note)") }
    return nil
  }

  private static func chooseClasses(
    _ info: inout DatasetInfo, _ wanted: [String], name place: String
  ) throws(DataError) -> [Int?]? {
    if wanted.isEmpty { return nil }
    for name in wanted where !info.classNames.contains(name) {
      let known = info.classNames.prefix(20).joined(separator: ", ") + (info.classNames.count > 20 ? ", …" : "")
      throw DataError(.badInput, at: [place], "there is no class “\(name)” in it", remedy: "its classes are \(known)")
    }
    var newLabels: [Int?] = []
    var kept = 0
    for name in info.classNames {
      let keep = wanted.contains(name)
      newLabels.append(keep ? kept : nil)
      if keep { kept += 1 }
    }
    info.classNames = info.classNames.filter(wanted.contains)
    if let counts = info.countPerClass {
      info.countPerClass = zip(counts, newLabels).compactMap { $1 == nil ? nil : $0 }
    }
    return newLabels
  }

  /// C×H×W after resizing and cropping, where that can be said of all samples.
  private static func newShape(_ shape: [Int]?, channels: Int?, _ options: ReadOptions) -> [Int]? {
    guard let channels = shape?.first ?? channels else { return nil }
    if let side = options.centerCrop { return [channels, side, side] }
    switch (options.resize, shape) {
    case (.exact(let height, let width)?, _): return [channels, height, width]
    case (.shortSide?, nil): return nil
    case (let resize?, let shape?):
      let size = resize.size(height: shape[1], width: shape[2])
      return [channels, size.height, size.width]
    case (nil, _): return shape
    }
  }
}

extension Pixels {
  /// A grey image as RGB with equal channels.
  func inColour() -> Pixels {
    guard channels == 1 else { return self }
    let count = bytes.count
    let colour = [UInt8](unsafeUninitializedCapacity: 3 * count) { out, initialized in
      bytes.withUnsafeBufferPointer { grey in
        for index in 0..<count {
          out[3 &* index] = grey[index]
          out[3 &* index &+ 1] = grey[index]
          out[3 &* index &+ 2] = grey[index]
        }
      }
      initialized = 3 * count
    }
    return Pixels(height: height, width: width, channels: 3, bytes: colour)
  }
}
