internal import Datasets
internal import Glibc
internal import Streaming

/// Some samples of a flow with their fields, which were encoded on all cores: PNG takes most of the time that it takes to
/// write small images.
struct EncodedChunk {
  var samples: [Sample] = []
  /// One for each sample, in their order.
  var records: [Result<Record, DataError>] = []

  /// Takes up to 32 samples, or about 4 MB of them; nil after the last one.
  init?(from flow: Flow<Sample>, as fields: SampleFields) async throws(PipelineError) {
    var bytes = 0
    while samples.count < 32, bytes < 4 << 20, let sample = try await flow.next() {
      bytes += sample.content.byteCount
      samples.append(sample)
    }
    if samples.isEmpty { return nil }
    let cores = min(8, max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))))
    guard cores > 1, samples.contains(where: { $0.content.mustBeEncoded }) else {
      records = Self.records(of: samples[...], as: fields)
      return
    }
    let length = (samples.count + cores - 1) / cores
    let slices = stride(from: 0, to: samples.count, by: length).map { samples[$0..<min($0 + length, samples.count)] }
    let parts = await withTaskGroup(of: (Int, [Result<Record, DataError>]).self) { group in
      for (index, slice) in slices.enumerated() {
        group.addTask { (index, Self.records(of: slice, as: fields)) }
      }
      var parts = Array(repeating: [Result<Record, DataError>](), count: slices.count)
      for await (index, part) in group { parts[index] = part }
      return parts
    }
    records = Array(parts.joined())
  }

  private static func records(of samples: ArraySlice<Sample>, as fields: SampleFields) -> [Result<Record, DataError>] {
    samples.map { sample in
      do throws(DataError) {
        return .success(try fields.record(of: sample))
      } catch {
        return .failure(error)
      }
    }
  }
}

extension Content {
  /// Whether its field takes work to make.
  fileprivate var mustBeEncoded: Bool {
    if case .encoded = self { false } else { true }
  }
}
