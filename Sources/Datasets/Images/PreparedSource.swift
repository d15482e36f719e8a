/// A layout's samples as the options ask for them, under the contract of `SampleSource`: nil again after the end, the same
/// error again after a failure, and an error instead of an empty dataset.
final class PreparedSource: SampleSource {
  /// What the options make of the description; after the last sample, of what is known then.
  private(set) var info: DatasetInfo
  private let inner: OpenedLayout
  private let preparation: Preparation
  private let name: String
  private let log: (String) -> Void
  /// The classes that stay; nil for all.
  private let classes: ClassSelection?
  private let findings: Findings
  /// Samples that were handed out, bad ones included, by their new labels.
  private var delivered: [Int]
  /// Bad samples of which not even the label is known.
  private var unlabelled = 0
  /// Of the sample that was found last, in the order of the input.
  private var number = 0
  private var ended = false
  private var concluded = false
  private var failure: DataError?

  init(
    _ opened: OpenedLayout, options: ReadOptions, name: String, log: @escaping (String) -> Void = { _ in }
  ) throws(DataError) {
    inner = opened
    self.name = name
    self.log = log
    findings = Findings(of: name)
    (info, classes) = try Self.described(opened.info, channels: opened.channels, options, name: name)
    var options = options
    // Tiles that have their size are not resized to be cropped.
    if opened.info.holdsTiles { (options.resize, options.centerCrop) = (nil, nil) }
    preparation = Preparation(
      options: options, channels: opened.channels, expected: info.shape?.count == 3 ? info.shape : nil,
      findings: findings)
    delivered = [Int](repeating: 0, count: info.classNames.count)
  }

  private static func described(
    _ original: DatasetInfo, channels: Int?, _ options: ReadOptions, name: String
  ) throws(DataError) -> (DatasetInfo, ClassSelection?) {
    let classes = try chosenClasses(of: original, options.classes, name: name)
    var info = classes?.applied(to: original) ?? original
    info.shape = newShape(info.shape, channels: channels, options)
    let isSized = options.resize != nil || options.centerCrop != nil
    if isSized, original.holdsTiles, info.shape == nil || info.shape != original.shape,
      let formation = original.formation
    {
      throw DataError(
        .usage, at: [name],
        "each image holds several training images (formation \(formation.kind.rawValue), factor \(formation.factor)), which resizing or cropping would cut",
        remedy: "take them apart first, with pipe cat --form, or leave --resize and --center-crop out")
    }
    if let name = options.name { info.name = name }
    info.mirror = options.mirror ?? info.mirror
    return (info, classes)
  }

  func next() throws(DataError) -> Sample? {
    while let pending = try nextPending() {
      do throws(DataError) {
        if let sample = try pending.finished() { return sample }
      } catch {
        failure = error
        throw error
      }
    }
    try conclude()
    return nil
  }

  func nextPending() throws(DataError) -> PendingSample? {
    if let failure { throw failure }
    if ended { return nil }
    do throws(DataError) {
      while var sample = try nextSound() {
        if let classes {
          guard let label = classes.newLabels[sample.label] else { continue }
          sample.label = label
          if let soft = sample.softLabel {
            sample.softLabel = try located([name, "sample \(sample.key)"]) { () throws(DataError) in
              try classes.applied(toSoftLabel: soft, kind: info.labelKind)
            }
          }
        }
        delivered[sample.label] += 1
        return pending(sample)
      }
      guard isStarted else {
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

  /// The sample with what is left to do to it.
  private func pending(_ sample: Sample) -> PendingSample {
    let finish = inner.finish
    guard finish != nil || preparation.isNeeded(for: sample) else { return PendingSample(sample) }
    number += 1
    let place = inner.place()
    return PendingSample(byteCount: sample.content.byteCount) {
      [preparation, findings, number] () throws(DataError) -> Sample? in
      do throws(DataError) {
        let whole = try located(place) { () throws(DataError) in try finish?(sample) ?? sample }
        return preparation.isNeeded(for: whole) ? try preparation.prepared(whole, at: place) : whole
      } catch {
        guard error.fault == .badInput || error.fault == .badSample else { throw error }
        findings.add(error, key: sample.key, label: sample.label, number: number)
        return nil
      }
    }
  }

  /// The next sample of the layout that it can put together.
  private func nextSound() throws(DataError) -> Sample? {
    while true {
      do throws(DataError) {
        return try inner.next()
      } catch {
        guard error.fault == .badSample else { throw error }
        number += 1
        unlabelled += 1
        findings.add(error, key: "", label: nil, number: number)
      }
    }
  }

  private var isStarted: Bool { unlabelled > 0 || delivered.contains { $0 > 0 } }

  var skipped: BadSamples? { preparation.options.onBadSample == .fail ? nil : findings.bad }

  func conclude() throws(DataError) {
    if let failure { throw failure }
    guard ended, !concluded else { return }
    concluded = true
    for note in findings.notes(turning: preparation.options.exifRotate) { log("\(name): \(note)") }
    guard let bad = findings.bad else { return }
    let all = delivered.reduce(unlabelled, +)
    if let refusal = refusal(of: bad, among: all) {
      failure = refusal
      throw refusal
    }
    // Only now it is known how many are left.
    for (label, count) in findings.badPerClass { delivered[label] -= count }
    info.countPerClass = delivered
    log(
      "\(name): \(grouped(bad.count)) of \(counted(all, "sample")) cannot be read, and \(bad.count == 1 ? "is" : "are") left out"
    )
    for sample in bad.samples.prefix(Self.loggedLength) { log("left out \(sample.place): \(sample.reason)") }
    if bad.count > Self.loggedLength {
      log("left out \(grouped(bad.count - Self.loggedLength)) more; the history of the result lists them")
    }
  }

  /// Bad samples that the log names.
  private static let loggedLength = 20

  /// The error (`.badInput`) where so many bad samples may not be left out.
  private func refusal(of bad: BadSamples, among all: Int) -> DataError? {
    let policy = preparation.options.onBadSample
    guard bad.count == all || !policy.allows(bad.count, of: all), var error = findings.first else { return nil }
    error.fault = .badInput
    guard bad.count > 1 else { return error }
    error.problem =
      "\(grouped(bad.count)) of \(counted(all, "sample")) cannot be read; the first is "
      + "\(error.place.dropFirst(error.place.first == name ? 1 : 0).joined(separator: ": ")): \(error.problem)"
    error.place = [name]
    // What is wrong with all of them has one cause, and the remedy is that of one.
    if bad.count < all {
      error.remedy =
        policy == .fail
        ? "replace them, or leave them out with --on-bad-sample skip"
        : "replace some, or allow more of them with --max-bad"
    }
    error.badSamples = bad
    return error
  }

  private static func chosenClasses(
    of info: DatasetInfo, _ wanted: [String], name place: String
  ) throws(DataError) -> ClassSelection? {
    if wanted.isEmpty { return nil }
    let all = Set(info.classNames)
    var names: Set<String> = []
    var rest = wanted[...]
    while let word = rest.first {
      // The list came apart at each comma, also at those in the name of a class.
      let count = (1...rest.count).first { all.contains(rest.prefix($0).joined(separator: ",")) }
      guard let count else {
        let known = info.classNames.prefix(20).joined(separator: ", ") + (info.classNames.count > 20 ? ", …" : "")
        throw DataError(
          .badInput, at: [place], "there is no class “\(word)” in it", remedy: "its classes are \(known)")
      }
      names.insert(rest.prefix(count).joined(separator: ","))
      rest = rest.dropFirst(count)
    }
    return ClassSelection(keeping: info.classNames.map(names.contains), renumbering: true)
  }

  /// C×H×W after resizing and cropping, where that can be said of all samples.
  private static func newShape(_ shape: [Int]?, channels: Int?, _ options: ReadOptions) -> [Int]? {
    guard let channels = shape?.first ?? channels else { return nil }
    if let side = options.centerCrop { return [channels, side, side] }
    switch (options.resize, shape) {
    case (.exact(let height, let width)?, _): return [channels, height, width]
    case (.shortSide?, nil): return nil
    // Latents of one axis; that they cannot be resized is said of the first one.
    case (_?, let shape?) where shape.count != 3: return nil
    case (let resize?, let shape?):
      let size = resize.size(height: shape[1], width: shape[2])
      return [channels, size.height, size.width]
    case (nil, _): return shape
    }
  }
}

extension DatasetInfo {
  /// Whether each image holds several training images.
  fileprivate var holdsTiles: Bool { (formation?.factor ?? 1) > 1 }
}

extension Pixels {
  /// A grey image as RGB with equal channels.
  public func inColour() -> Pixels {
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
