/// The training images of a dataset with a formation: every stored sample in turn, as its tiles.
///
/// A tile has its sample's label, soft label, metadata and other fields, and the sample's key with the number of the tile after it:
/// `000000007-00`, `000000007-01`, …. The description has no formation any more. Memory is that of one stored sample's tiles.
/// Float samples stay float, all others become 8-bit pixels.
public final class FormedSource: SampleSource {
  private let source: any SampleSource
  private let step: ProvenanceStep
  private var waiting: ArraySlice<Sample> = []
  private var failure: DataError?

  /// The training images of `source`; `step` is added to their history.
  ///
  /// - Precondition: The source has a formation.
  public init(_ source: any SampleSource, adding step: ProvenanceStep) {
    precondition(source.info.formation != nil, "a dataset without formation has no tiles")
    self.source = source
    self.step = step
  }

  /// The source's, without formation and with as many samples as there are tiles.
  public var info: DatasetInfo {
    var info = source.info
    if let formation = info.formation { info.countPerClass = info.countPerClass?.map { $0 * formation.multiplicity } }
    info.formation = nil
    info.provenance.append(step)
    return info
  }

  /// The next tile; see `SampleSource`.
  ///
  /// - Throws: `DataError`: as the source, or `.badInput` where the formation does not fit a sample.
  public func next() throws(DataError) -> Sample? {
    if let failure { throw failure }
    if let tile = waiting.popFirst() { return tile }
    do throws(DataError) {
      guard let sample = try source.next() else { return nil }
      waiting = try tiles(of: sample)[...]
    } catch {
      failure = error
      throw error
    }
    return waiting.popFirst()
  }

  /// As the source.
  public func conclude() throws(DataError) { try source.conclude() }

  /// As the source: stored samples, not tiles.
  public var skipped: BadSamples? { source.skipped }

  private func tiles(of sample: Sample) throws(DataError) -> [Sample] {
    guard let formation = source.info.formation else { return [sample] }
    let place = [source.info.name, "sample \(sample.key)"]
    func check(_ shape: [Int]) throws(DataError) {
      try formation.check(against: shape, at: place)
    }
    let contents: [Content]
    switch sample.content {
    case .floats(let array):
      try check(array.shape)
      contents = formation.formed(array).map { .floats($0) }
    case .pixels, .encoded:
      let pixels = try sample.pixels()
      try check([pixels.channels, pixels.height, pixels.width])
      contents = formation.formed(pixels).map { .pixels($0) }
    }
    let digits = String(formation.multiplicity - 1).count
    return contents.enumerated().map { number, content in
      var tile = sample
      tile.key = "\(sample.key)-\(zeroPadded(number, digits: digits))"
      tile.content = content
      return tile
    }
  }
}
