import Glibc

@testable import Datasets
@testable import Shards

/// Runs one input of libFuzzer through the parser that the environment's `PIPE_FUZZ_TARGET` names; see Scripts/fuzz.
///
/// Every input is either understood or refused by a typed error; a trap of the language or of the sanitizers is a failure.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let bytes = Array(UnsafeBufferPointer(start: start, count: count))
  try? target(bytes)
  return 0
}

/// Small limits, so that time is spent on parsing.
private let limits = Limits(
  maxMemberBytes: 1 << 20, maxPixels: 1 << 16, maxMembers: 1000, maxRatio: 100, ratioGrace: 1 << 20,
  maxSpillBytes: 1 << 20)

private let target: @Sendable ([UInt8]) throws -> Void = {
  let name = getenv("PIPE_FUZZ_TARGET").map { String(cString: $0) } ?? ""
  guard let target = targets[name] else {
    fatalError("PIPE_FUZZ_TARGET is one of \(targets.keys.sorted().joined(separator: ", ")), not “\(name)”")
  }
  return target
}()

private let targets: [String: @Sendable ([UInt8]) throws -> Void] = [
  "npy": { bytes in _ = try parseNPY(bytes) },
  "pickle": { bytes in _ = try Pickle.dictionary(bytes, place: ["x"]) },
  // Archives of all layouts, IDX files, and what they are compressed with.
  "dataset": { bytes in
    let source = try openDataset(
      from: ByteSource(bytes: bytes, name: "x"), options: ReadOptions(onBadSample: .skip(), limits: limits))
    while try source.next() != nil {}
  },
  // Members of an archive, each a byte for its name, two for its length, and its bytes.
  "members": { bytes in
    var archive: [UInt8] = []
    var rest = bytes[...]
    while rest.count >= 3 {
      let (name, length) = (names[Int(rest[rest.startIndex]) % names.count], rest.dropFirst().prefix(2))
      let size = Int(length.first ?? 0) | Int(length.last ?? 0) << 8
      archive += member(named: name, Array(rest.dropFirst(3).prefix(size)))
      rest = rest.dropFirst(3 + size)
    }
    let source = try openDataset(
      from: ByteSource(bytes: archive + endOfArchive, name: "x"),
      options: ReadOptions(onBadSample: .skip(), limits: limits))
    while try source.next() != nil {}
  },
  "wire": { bytes in
    let reader = try WireReader(ByteSource(bytes: bytes, name: "x"), limits: limits)
    while try reader.next() != nil {}
  },
  "manifest": { bytes in
    let manifest = try Manifest(bytes: bytes, path: "x")
    _ = manifest.encoded()
  },
  "json": { bytes in _ = JSONValue(bytes) },
  "table": { bytes in
    _ = try? DelimitedText(bytes, separators: [UInt8(ascii: ","), 9, UInt8(ascii: ";")])
    _ = try JSONLines(bytes)
  },
  "mat": { bytes in
    let file = try MATFile(ByteSource(bytes: bytes, name: "x"), limits: limits)
    for array in ["X", "y"] {
      let found = try file.find(array)
      let count = found.extents.reduce(1) { $0.multipliedReportingOverflow(by: $1).partialValue }
      if found.isBytes, (1...4096).contains(count) { _ = try file.bytes(0..<count) }
    }
  },
  "pattern": { bytes in
    // The pattern, a zero, the name that it is tried on.
    let parts = bytes.split(separator: 0, maxSplits: 1, omittingEmptySubsequences: false).map {
      String(decoding: $0, as: UTF8.self)
    }
    let pattern = try FilePattern(parts[0])
    if pattern.hasLabel { _ = pattern.labels(in: parts.last ?? "") } else { _ = pattern.fits(parts.last ?? "") }
  },
]

/// What decides the layout, and what each layout reads beside its images.
private let names = [
  "train-images-idx3-ubyte", "train-labels-idx1-ubyte", "train-labels-idx2-int", "data_batch_1.bin", "batches.meta.txt",
  "data_batch_1", "batches.meta", "x_train.npy", "y_train.npy", "arr_0.npy", "a/1.png", "b/2.jpg", "b/3.webp",
  "c/4.gif", "1.png",
  "1.cls", "1.json", "1.soft.npy", "1.npy", "2.jpg", "2.cls", "labels.csv", "metadata.jsonl", "metadata.csv",
  "labels.tsv",
  "images/1.png", "wnids.txt", "val/val_annotations.txt", "train_X.bin", "train_y.bin", "class_names.txt", "train.bin",
  "fine_label_names.txt", "a/1.wav", "train_32x32.mat", "train.csv", "a.tar",
]
