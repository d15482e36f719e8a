import Datasets
import Foundation
import Shards
import Testing

/// A small generator with a fixed sequence, so that a failing test fails again.
struct Sequence32: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 | 1 }

  mutating func next() -> UInt64 {
    state ^= state << 13
    state ^= state >> 7
    state ^= state << 17
    return state
  }
}

let exampleInfo = DatasetInfo(
  name: "shapes", classNames: ["circle", "square/ü", "star"], shape: [3, 6, 5],
  normalization: Normalization(mean: [0.4914, 0.4822, 0.4465], std: [0.247, 0.2435, 0.2616]),
  provenance: [
    ProvenanceStep(verb: "decode", tool: "pipe 1.0.0", options: ["split": "train"], digests: ["source": "abc"])
  ])

/// Images of noise with every class in turn.
func examplePixels(_ count: Int, height: Int = 6, width: Int = 5, channels: Int = 3, seed: UInt64 = 7) -> [Sample] {
  var random = Sequence32(seed: seed)
  return (0..<count).map { index in
    let bytes = (0..<height * width * channels).map { _ in UInt8.random(in: 0...255, using: &random) }
    return Sample(
      key: String(String(1_000_000 + index).dropFirst()),
      content: .pixels(Pixels(height: height, width: width, channels: channels, bytes: bytes)), label: index % 3)
  }
}

/// Float images, some beyond the range of 8 bits, with soft labels, metadata and a field of the user's.
func exampleFloats(_ count: Int, seed: UInt64 = 9) -> [Sample] {
  var random = Sequence32(seed: seed)
  return (0..<count).map { index in
    let values = (0..<3 * 6 * 5).map { _ in Float.random(in: -0.5...1.5, using: &random) }
    return Sample(
      key: "s\(index)", content: .floats(FloatArray(shape: [3, 6, 5], values: values)), label: index % 3,
      softLabel: [0.25, 0.5, Float(index)], metadata: Array("{\"weight\":\(index)}".utf8),
      extras: [Field(name: "txt", bytes: Array("number \(index)".utf8))])
  }
}

/// The bytes of a complete wire.
func wire(_ samples: [Sample], info: DatasetInfo = exampleInfo) throws -> [UInt8] {
  try captured { writer in
    try writer.begin(info)
    for sample in samples { try writer.write(sample) }
    try writer.finish()
  }
}

/// What a writer wrote to its descriptor.
func captured(_ body: (WireWriter) throws -> Void) throws -> [UInt8] {
  let folder = try TemporaryFolder()
  try folder.write("wire", [])
  let file = try #require(FileHandle(forWritingAtPath: folder["wire"]))
  try body(WireWriter(to: file.fileDescriptor))
  try file.close()
  return try folder.bytes("wire")
}

func reader(_ bytes: [UInt8]) throws(DataError) -> WireReader {
  try WireReader(ByteSource(bytes: bytes, name: "wire"))
}

func allSamples(_ source: any SampleSource) throws(DataError) -> [Sample] {
  var samples: [Sample] = []
  while let sample = try source.next() { samples.append(sample) }
  return samples
}

/// The error that reading a wire to its end meets, or nil.
func failure(of bytes: [UInt8]) -> DataError? {
  do throws(DataError) {
    _ = try allSamples(try reader(bytes))
    return nil
  } catch {
    return error
  }
}

/// Samples as a reader sees them: pixels decoded, everything else as it is.
func decoded(_ samples: [Sample]) throws -> [Sample] {
  try samples.map { sample in
    var sample = sample
    if case .floats = sample.content { return sample }
    sample.content = .pixels(try sample.pixels(limits: Limits()))
    return sample
  }
}

/// Writes a dataset in `folder/name`, described as the examples are, in the size of the first sample.
@discardableResult
func writeDataset(
  _ samples: [Sample], in folder: TemporaryFolder, _ name: String = "out", info given: DatasetInfo? = nil,
  zstdLevel: Int? = nil, maxBytes: Int = 1 << 20, maxSamples: Int = 1000, fields: Set<String>? = nil
) throws -> Manifest {
  var info = given ?? exampleInfo
  if given == nil, case .pixels(let pixels)? = samples.first?.content {
    info.shape = [pixels.channels, pixels.height, pixels.width]
    if pixels.channels != 3 { info.normalization = nil }
  }
  let writer = try DatasetWriter(
    ShardOptions(
      directory: folder[name], namePrefix: "shapes", zstdLevel: zstdLevel, maxBytes: maxBytes, maxSamples: maxSamples,
      fields: fields), info: info)
  for sample in samples { try writer.write(sample) }
  return try writer.finish(info: info)
}
