public import Datasets
internal import Streaming

/// Consecutive samples as they stand in a tar archive, in one run of bytes: what follows only hashes and writes.
public struct PackedChunk: Sendable {
  /// One sample of the run.
  struct Entry: Sendable {
    var key: String
    var label: Int
    /// Names of the fields, in order.
    var fields: [String]
    /// Smallest and largest value of a float image.
    var range: ClosedRange<Float>?
    /// Where its members end in `bytes`.
    var end: Int

    /// Whether its float image is among the fields.
    var holdsFloats: Bool { fields.contains { $0 == "npy" || $0 == "latent.npy" } }
  }

  private(set) var entries: [Entry] = []
  private(set) var bytes: [UInt8] = []
  /// Why there is nothing after the last entry; the key of the sample that could not be encoded, where it is known.
  private(set) var failure: (key: String?, error: DataError)?

  /// Samples in it.
  public var count: Int { entries.count }

  /// Whether a float image among them was packed as an image of 8 bits alone.
  public var losesFloats: Bool { entries.contains { $0.range != nil && !$0.holdsFloats } }

  /// Finishes and encodes samples up to the first one that fails.
  init(_ samples: [PendingSample], as fields: SampleFields, times: WorkTimes? = nil) {
    var records: [Record] = []
    records.reserveCapacity(samples.count)
    for pending in samples {
      var key: String?
      do throws(DataError) {
        let finished = try times.measure("prepare") { () throws(DataError) in try pending.finished() }
        guard let sample = finished else { continue }
        key = sample.key
        let record = try times.measure("pack") { () throws(DataError) in
          let record = try fields.record(of: sample)
          try record.checkMembers()
          add(record, sample)
          return record
        }
        records.append(record)
      } catch {
        failure = (key, error)
        break
      }
    }
    times.measure("pack") { pack(records) }
  }

  /// Records as they stood in another archive, whose labels are not looked at.
  init(_ records: [Record], times: WorkTimes? = nil) {
    times.measure("pack") {
      for record in records { add(record, nil) }
      pack(records)
    }
  }

  /// Samples whose members were packed before; `bytes` ends with the last one.
  init(_ entries: [Entry], _ bytes: [UInt8]) {
    precondition(entries.last?.end ?? 0 == bytes.count, "a chunk of packed samples is as long as they are")
    (self.entries, self.bytes) = (entries, bytes)
  }

  /// The same samples with the keys that have no other meaning than their number, counted from `first` on.
  ///
  /// - Throws: `DataError` (`.badInput`) where a name is too long then.
  public func renumbered(from first: Int) throws(DataError) -> PackedChunk {
    var chunk = self
    var position = 0
    for index in entries.indices {
      let key = numberKey(first + index)
      chunk.entries[index].key = key
      for field in entries[index].fields {
        let name = "\(key).\(field)"
        guard name.utf8.count <= TarHeader.maxNameLength else {
          throw DataError(
            .badInput, at: [name],
            "has a name of \(name.utf8.count) bytes, and a tar member's may have \(TarHeader.maxNameLength)")
        }
        let size = chunk.bytes.withUnsafeMutableBytes { bytes -> Int in
          let block = UnsafeMutableRawBufferPointer(rebasing: bytes[position..<position + TarHeader.blockSize])
          guard case .success(let header) = TarHeader.parse(UnsafeRawBufferPointer(block), exact: true),
            let start = block.baseAddress
          else { preconditionFailure("a packed sample has a header that was not written here") }
          TarHeader(name: name, size: header.size).write(to: start)
          return memberSize(header.size)
        }
        position += size
      }
      precondition(position == entries[index].end, "a packed sample ends where its last member does")
    }
    return chunk
  }

  private mutating func add(_ record: Record, _ sample: Sample?) {
    var names = entries.last?.fields ?? []
    if !names.elementsEqual(record.fields, by: { $0 == $1.name }) { names = record.fields.map(\.name) }
    var range: ClosedRange<Float>?
    if case .floats(let array)? = sample?.content { range = array.range }
    let end = (entries.last?.end ?? 0) + record.archivedSize
    entries.append(Entry(key: record.key, label: sample?.label ?? 0, fields: names, range: range, end: end))
  }

  private mutating func pack(_ records: [Record]) {
    let size = entries.last?.end ?? 0
    bytes = [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
      if var position = UnsafeMutableRawBufferPointer(buffer).baseAddress {
        for record in records { position = record.write(to: position) }
      }
      count = size
    }
  }
}

extension FloatArray {
  /// Its smallest and largest number; nil when there is none.
  ///
  /// From −∞ to ∞ where one is not finite.
  fileprivate var range: ClosedRange<Float>? {
    var (low, high) = (Float.infinity, -Float.infinity)
    for value in values {
      low = value < low ? value : low
      high = value > high ? value : high
    }
    // Comparisons with NaN are false, so that it changes neither.
    guard isFinite else { return -Float.infinity...Float.infinity }
    return low <= high ? low...high : nil
  }
}
