internal import Datasets
internal import Streaming

/// A sample as its format's writer takes it: what could be done to it alone is done.
struct ExportedSample: Sendable {
  var key: String
  var label: Int
  /// The image, or the whole sample, as it is written.
  var bytes: [UInt8]
  /// The ending of an image file.
  var ending = ""
  var softLabel: [Float]?
  var metadata: [UInt8]?
  /// What 8-bit pixels could not hold of its floats.
  var rounding: Rounding?
}

/// Consecutive samples of an export, up to the first that fails.
struct ExportChunk: Sendable {
  private(set) var samples: [ExportedSample] = []
  /// Why there is nothing after the last sample; its key, where it is known.
  private(set) var failure: (key: String?, error: DataError)?

  var count: Int { samples.count }

  /// Finishes and encodes samples.
  init(
    _ pending: [PendingSample], times: WorkTimes?,
    encode: (Sample) throws(DataError) -> ExportedSample
  ) {
    samples.reserveCapacity(pending.count)
    for pending in pending {
      var key: String?
      do throws(DataError) {
        let finished = try times.measure("prepare") { () throws(DataError) in try pending.finished() }
        guard let sample = finished else { continue }
        key = sample.key
        guard MemberName.isKey(sample.key) else {
          throw DataError(
            .badInput, at: [sample.key],
            "is not a key of a sample: letters, digits, '_' and '-', not starting with '__'")
        }
        samples.append(try times.measure("encode") { () throws(DataError) in try encode(sample) })
      } catch {
        failure = (key, error)
        return
      }
    }
  }
}

/// What is lost of float pixels that become 8-bit ones.
struct Rounding: Sendable, Equatable {
  /// The largest distance between a value and its 8-bit one.
  var largest: Float = 0
  /// Values outside of 0…1.
  var outside = 0
  var count = 0

  init() {}

  /// Of one image.
  init(_ array: FloatArray) {
    count = array.values.count
    for value in array.values {
      let level = min(max((value * 255).rounded(), 0), 255)
      // Not a number is farther from any level than all others.
      let distance = value.isFinite ? abs(value - level / 255) : .infinity
      // What a level's own float is away from it is no loss.
      if distance > 1e-6 { largest = max(largest, distance) }
      if !(value >= 0 && value <= 1) { outside += 1 }
    }
  }

  var isLoss: Bool { largest > 0 }

  mutating func add(_ other: Rounding) {
    largest = max(largest, other.largest)
    outside += other.outside
    count += other.count
  }

  /// `the largest change is 0.35; 1.2 % of the values lie outside of 0 to 1 and are clamped`.
  var words: String {
    let share = (1000 * Double(outside) / Double(max(1, count))).rounded() / 10
    let change = largest.isFinite ? "\((largest * 10_000).rounded() / 10_000)" : "without bound"
    return "the largest change is \(change)"
      + (outside > 0 ? "; \(share) % of the values lie outside of 0 to 1 and are clamped" : "")
  }
}
