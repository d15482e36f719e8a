internal import Synchronization

/// What shows only when samples are finished, on whichever thread: bad ones, and images that are not passed on as they are.
final class Findings: Sendable {
  private struct State {
    var bad: [(number: Int, sample: BadSample)] = []
    var badCount = 0
    var first: (number: Int, error: DataError)?
    var badPerClass: [Int: Int] = [:]
    var converted = 0
    var formats: [EncodedImage.Format: Int] = [:]
    var traits: [UInt32: Int] = [:]
    var oriented = 0
  }
  private let state = Mutex(State())
  /// What messages call the input.
  private let input: String

  init(of input: String) { self.input = input }

  /// Notes a sample that cannot be read; `number` is its place in the order of the input.
  func add(_ error: DataError, key: String, label: Int?, number: Int) {
    let place = within(error.place)
    state.withLock { state in
      state.badCount += 1
      if number < state.first?.number ?? .max { state.first = (number, error) }
      if let label { state.badPerClass[label, default: 0] += 1 }
      // Threads finish samples out of order: of twice as many the first ones are kept.
      if state.bad.count >= 2 * BadSamples.listLength {
        state.bad.sort { $0.number < $1.number }
        state.bad.removeLast(state.bad.count - BadSamples.listLength)
      }
      state.bad.append((number, BadSample(key: key, place: place, reason: error.problem)))
    }
  }

  /// Where it is in the input: the history of a dataset holds no paths of the machine that made it.
  private func within(_ place: [String]) -> String {
    guard place.count > 1, let outermost = place.first else { return place.joined(separator: ": ") }
    let archive = outermost.split(separator: "/").last.map(String.init) ?? outermost
    return ((outermost == input ? [] : [archive]) + place.dropFirst()).joined(separator: ": ")
  }

  /// Notes what a sound image is.
  func add(_ format: EncodedImage.Format, _ header: ImageHeader) {
    let isForeign = format != .png && format != .jpg
    guard isForeign || !header.traits.isEmpty || header.orientation != .upright else { return }
    state.withLock { state in
      if header.orientation != .upright { state.oriented += 1 }
      guard isForeign || !header.traits.isEmpty else { return }
      state.converted += 1
      if isForeign { state.formats[format, default: 0] += 1 }
      // That a GIF has a palette goes without saying.
      let traits = isForeign ? header.traits.subtracting([.palette, .shallow]) : header.traits
      for bit in 0..<UInt32(8) where traits.rawValue & 1 << bit != 0 { state.traits[1 << bit, default: 0] += 1 }
    }
  }

  /// The bad samples, in the order of the input; nil where there are none.
  var bad: BadSamples? {
    state.withLock { state in
      guard state.badCount > 0 else { return nil }
      return BadSamples(
        count: state.badCount, samples: state.bad.sorted { $0.number < $1.number }.map(\.sample))
    }
  }

  /// What is wrong with the first bad sample.
  var first: DataError? { state.withLock { $0.first?.error } }

  /// Bad samples whose label is known, by label.
  var badPerClass: [Int: Int] { state.withLock { $0.badPerClass } }

  /// What the log shall say of the images, at the end.
  func notes(turning: Bool) -> [String] {
    let state = state.withLock { $0 }
    var notes: [String] = []
    if state.converted > 0 {
      var parts = EncodedImage.Format.allCases.compactMap { format in
        state.formats[format].map { "\(grouped($0)) \(format.title)" }
      }
      let words: [(ImageHeader.Traits, String)] = [
        (.palette, "with a palette"), (.shallow, "of fewer than 8 bits"), (.deep, "of more than 8 bits"),
        (.cmyk, "in CMYK"), (.alpha, "whose transparency is dropped"),
        (.several, "of which only the first frame or page is read"),
        (.sideData, "with damaged or oversized data beside the pixels"),
      ]
      for (trait, text) in words {
        if let count = state.traits[trait.rawValue] { parts.append("\(grouped(count)) \(text)") }
      }
      notes.append(
        "\(counted(state.converted, "image")) \(state.converted == 1 ? "is" : "are") converted to PNG of 8-bit grey or RGB: "
          + parts.joined(separator: ", "))
    }
    if state.oriented > 0 {
      let (count, one) = (counted(state.oriented, "image"), state.oriented == 1)
      notes.append(
        turning
          ? "\(count) \(one ? "was" : "were") turned upright by the EXIF orientation"
          : "\(count) \(one ? "has" : "have") an EXIF orientation and \(one ? "is" : "are") read as stored; "
            + "--exif-rotate turns \(one ? "it" : "them") upright")
    }
    return notes
  }
}
