/// One split of a dataset that is looked at sample by sample, and nothing is made of it.
///
/// As a source it gives no samples: finishing each pending one notes what it is.
public final class InspectedPart: SampleSource {
  /// See `SampleSource`.
  public let info: DatasetInfo
  /// The layout's name, or what else it is.
  public let layout: String
  /// What the layout was recognised by.
  public let reason: String
  /// Whether the data tells this split from another.
  public let isPart: Bool
  /// How many samples there are in each part, where the data has several.
  public let parts: [(name: String, count: Int)]
  /// What is remarkable.
  public private(set) var notes: [String]
  /// Where another reading was possible.
  public let doubts: [String]
  /// What the samples are, known when all were finished.
  public let inspection: Inspection
  private let opened: OpenedLayout
  private let limits: Limits
  private let name: String
  private var number = 0
  private var ended = false

  init(_ data: OpenedData, _ options: ReadOptions) {
    (opened, limits, name) = (data.opened, options.limits, data.name)
    (info, layout, reason) = (opened.info, data.layout.name, data.reason)
    (isPart, parts, notes, doubts) = (opened.split != nil, opened.parts, opened.notes, opened.doubts)
    inspection = Inspection(classes: info.classNames.count)
  }

  /// Samples that come from this program.
  ///
  /// - Parameter what: what they come in: `a stream of pipe`.
  public init(_ source: any SampleSource, what: String, limits: Limits) {
    opened = OpenedLayout(info: source.info, channels: nil, place: { [] }) { () throws(DataError) in try source.next() }
    (info, layout, reason, name) = (source.info, what, "it says so", source.info.name)
    (isPart, parts, notes, doubts) = (true, [], [], [])
    self.limits = limits
    inspection = Inspection(classes: info.classNames.count)
  }

  /// Gives none: there is nothing in it but what `inspection` learns.
  public func next() throws(DataError) -> Sample? {
    while let pending = try nextPending() { _ = try pending.finished() }
    return nil
  }

  /// The next sample, which to finish is to look at it.
  public func nextPending() throws(DataError) -> PendingSample? {
    while !ended {
      do throws(DataError) {
        guard let sample = try opened.next() else { break }
        number += 1
        return pending(sample)
      } catch {
        guard error.fault == .badSample else { throw error }
        number += 1
        inspection.add(error, key: "", number: number)
      }
    }
    if !ended {
      ended = true
      notes += opened.closingNotes()
    }
    return nil
  }

  private func pending(_ sample: Sample) -> PendingSample {
    let whole = opened.place()
    let place =
      sample.origin ?? (whole.first == name ? whole.dropFirst().joined(separator: ": ") : whole.joined(separator: ": "))
    return PendingSample(byteCount: sample.content.byteCount) {
      [inspection, limits, number, finish = opened.finish] () throws(DataError) -> Sample? in
      do throws(DataError) {
        try located([place.isEmpty ? sample.key : place]) { () throws(DataError) in
          try inspection.add(
            try finish?(sample) ?? sample, number: number, place: place.isEmpty ? sample.key : place, limits)
        }
      } catch {
        guard error.fault == .badInput || error.fault == .badSample else { throw error }
        inspection.add(error, key: sample.key, number: number)
      }
      return nil
    }
  }
}

/// Opens all parts of raw data to look at their samples: the train and the test split, or all of it where it has none.
///
/// - Throws: as `openDataset`.
public func inspectedParts(_ inputs: [Input], options: ReadOptions) throws(DataError) -> [InspectedPart] {
  guard let first = inputs.first else { throw DataError(.noInput, at: [], "no input was given") }
  let container = try saidOfPieces { () throws(DataError) in try Container(inputs, limits: options.limits) }
  return try parts(of: container, fileName: datasetName(of: first), options)
}

/// The same of a source of which nothing was consumed yet.
public func inspectedParts(from source: ByteSource, options: ReadOptions) throws(DataError) -> [InspectedPart] {
  let name = source.name == Input.standardInput.name ? nil : datasetName(of: .file(source.name))
  let container = try saidOfPieces { () throws(DataError) in try Container(source, limits: options.limits) }
  return try parts(of: container, fileName: name, options)
}

private func parts(of container: Container, fileName: String?, _ options: ReadOptions) throws(DataError)
  -> [InspectedPart]
{
  container.isKept = true
  var found: [InspectedPart] = []
  var failure: DataError?
  for split in DatasetInfo.Split.allCases {
    var options = options
    options.split = split
    do throws(DataError) {
      let data = try openLayout(container, fileName: fileName, options: options)
      // Data without parts is one, and so is a file that was named.
      guard found.isEmpty || data.opened.split == split else { continue }
      found.append(InspectedPart(data, options))
      if data.opened.split != split { break }
    } catch {
      guard error.isMissingPart else { throw error }
      failure = error
    }
  }
  if found.isEmpty, let failure { throw failure }
  return found
}
