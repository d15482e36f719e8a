/// A layout's samples as the options ask for them, under the contract of `SampleSource`: nil again after the end, the same
/// error again after a failure, and an error instead of an empty dataset.
final class PreparedSource: SampleSource {
  let info: DatasetInfo
  private let inner: () throws(DataError) -> Sample?
  private let options: ReadOptions
  private let place: String
  /// New index per old one; nil drops the class.
  private let newLabels: [Int?]?
  private var delivered = 0
  private var ended = false
  private var failure: DataError?

  init(_ opened: OpenedLayout, options: ReadOptions, place: String) throws(DataError) {
    inner = opened.next
    self.options = options
    self.place = place
    var info = opened.info
    newLabels = try Self.chooseClasses(&info, options.classes, place: place)
    info.shape = Self.newShape(info.shape, options)
    self.info = info
  }

  func next() throws(DataError) -> Sample? {
    if let failure { throw failure }
    if ended { return nil }
    do throws(DataError) {
      while var sample = try inner() {
        if let newLabels {
          guard let label = newLabels[sample.label] else { continue }
          sample.label = label
        }
        try prepare(&sample)
        delivered += 1
        return sample
      }
      guard delivered > 0 else { throw DataError(.badInput, at: [place], "there are no samples in it") }
    } catch {
      failure = error
      throw error
    }
    ended = true
    return nil
  }

  private func prepare(_ sample: inout Sample) throws(DataError) {
    // Resizing and checking of encoded images come with the codecs.
  }

  private static func chooseClasses(
    _ info: inout DatasetInfo, _ wanted: [String], place: String
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

  private static func newShape(_ shape: [Int]?, _ options: ReadOptions) -> [Int]? { shape }
}
