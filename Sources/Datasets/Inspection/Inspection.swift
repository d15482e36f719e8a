internal import Synchronization

/// What the samples of one part of a dataset are, learned one by one, on whichever thread.
public final class Inspection: Sendable {
  /// One sample, as it is compared with others.
  struct Seen: Sendable {
    var digest: UInt64
    var number: Int
    var label: Int
    var place: String
  }
  private struct State {
    var counts: [Int]
    var sizes: [Size: Int] = [:]
    var kinds: [String: Int] = [:]
    var orientations: [Int: Int] = [:]
    var seen: [Seen] = []
    var bad: [(number: Int, sample: BadSample)] = []
    var badCount = 0
  }
  /// Rows and columns of an image.
  public struct Size: Hashable, Sendable, Comparable {
    /// In pixels.
    public var height, width: Int

    /// By area, then by height.
    public static func < (a: Size, b: Size) -> Bool {
      (a.height * a.width, a.height) < (b.height * b.width, b.height)
    }
  }
  private let state: Mutex<State>

  init(classes: Int) { state = Mutex(State(counts: [Int](repeating: 0, count: classes))) }

  /// Notes a sound sample.
  ///
  /// - Throws: `DataError` for one that is none.
  func add(_ sample: Sample, number: Int, place: String, _ limits: Limits) throws(DataError) {
    var hasher = Hasher()
    let (kind, size, orientation): (String, Size?, Int)
    switch sample.content {
    case .encoded(let image):
      let (pixels, header) = try image.decoded(limits: limits)
      hasher.combine(pixels)
      kind = "\(image.format.title) \(header.summary)"
      size = Size(height: header.height, width: header.width)
      orientation = Int(header.orientation.rawValue)
    case .pixels(let pixels):
      hasher.combine(pixels)
      kind = "array of bytes, \(pixels.channels == 1 ? "grey" : "RGB")"
      size = Size(height: pixels.height, width: pixels.width)
      orientation = 1
    case .floats(let array):
      array.values.withUnsafeBytes { hasher.combine(bytes: $0) }
      kind = "array of floats, \(shapeText(array.shape))"
      size = array.shape.count == 3 ? Size(height: array.shape[1], width: array.shape[2]) : nil
      orientation = 1
    }
    let digest = UInt64(bitPattern: Int64(hasher.finalize()))
    state.withLock { state in
      state.counts[sample.label] += 1
      if let size { state.sizes[size, default: 0] += 1 }
      state.kinds[kind, default: 0] += 1
      if orientation != 1 { state.orientations[orientation, default: 0] += 1 }
      state.seen.append(Seen(digest: digest, number: number, label: sample.label, place: place))
    }
  }

  /// Notes a sample that cannot be read.
  func add(_ error: DataError, key: String, number: Int) {
    let sample = BadSample(key: key, place: error.place.joined(separator: ": "), reason: error.problem)
    state.withLock { state in
      state.badCount += 1
      if state.bad.count < BadSamples.listLength { state.bad.append((number, sample)) }
    }
  }

  /// Sound samples of every class, in index order.
  public var countPerClass: [Int] { state.withLock { $0.counts } }
  /// How many images there are of every size, the smallest first.
  public var sizes: [(size: Size, count: Int)] {
    state.withLock { $0.sizes.sorted { $0.key < $1.key }.map { ($0.key, $0.value) } }
  }
  /// How many images there are of every kind, such as `JPEG RGB`, the most frequent first.
  public var kinds: [(kind: String, count: Int)] {
    state.withLock { $0.kinds.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.map { ($0.key, $0.value) } }
  }
  /// How many images have an EXIF orientation other than upright, by its number.
  public var orientations: [(orientation: Int, count: Int)] {
    state.withLock { $0.orientations.sorted { $0.key < $1.key }.map { ($0.key, $0.value) } }
  }
  /// The samples that cannot be read; nil where there are none.
  public var bad: BadSamples? {
    state.withLock { state in
      let sorted = state.bad.sorted { $0.number < $1.number }.map(\.sample)
      return state.badCount > 0 ? BadSamples(count: state.badCount, samples: sorted) : nil
    }
  }
  var seen: [Seen] { state.withLock { $0.seen.sorted { $0.number < $1.number } } }
}

extension Hasher {
  /// What an image shows, in whichever format: a grey image is the same as one with three equal channels.
  fileprivate mutating func combine(_ pixels: Pixels) {
    combine(pixels.height)
    combine(pixels.width)
    guard pixels.channels == 1 else { return pixels.bytes.withUnsafeBytes { combine(bytes: $0) } }
    let tripled = [UInt8](unsafeUninitializedCapacity: 3 * pixels.bytes.count) { out, count in
      for (index, byte) in pixels.bytes.enumerated() {
        (out[3 * index], out[3 * index + 1], out[3 * index + 2]) = (byte, byte, byte)
      }
      count = 3 * pixels.bytes.count
    }
    tripled.withUnsafeBytes { combine(bytes: $0) }
  }
}

extension ImageHeader {
  /// What the pixels of the file are: `RGB`, `palette, alpha`.
  fileprivate var summary: String {
    let words: [(Traits, String)] = [
      (.cmyk, "CMYK"), (.palette, "palette"), (.deep, "more than 8 bits"), (.shallow, "fewer than 8 bits"),
      (.alpha, "alpha"),
      (.several, "several frames"),
    ]
    let own = words.filter { traits.contains($0.0) }.map(\.1)
    let hasColour = !traits.contains(.cmyk) && !traits.contains(.palette)
    return ((hasColour ? [channels == 1 ? "grey" : "RGB"] : []) + own).joined(separator: " + ")
  }
}
