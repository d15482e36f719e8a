import Datasets
import Foundation
import Shards
import Testing

/// Readers that share no line with this program agree with it on every field.
@Suite struct OtherReadersTests {
  private static let script = URL(filePath: #filePath).deletingLastPathComponent()
    .appending(path: "../../Scripts/read-shards.py").standardized.path

  /// A Python that has webdataset, NumPy and Pillow, named in `PIPE_PYTHON`; any Python 3 has tarfile.
  private static let readers: [(python: String, library: String)] =
    [("/usr/bin/env", "tarfile")]
    + (ProcessInfo.processInfo.environment["PIPE_PYTHON"].map { [($0, "webdataset")] } ?? [])

  private func lines(_ path: String, python: String, library: String) throws -> [String] {
    let arguments = (python == "/usr/bin/env" ? ["python3"] : []) + [Self.script, "--with", library, path]
    let (status, output) = try runProgram(python, arguments)
    #expect(status == 0, "\(output)")
    return output.split(separator: "\n").map(String.init)
  }

  /// The lines that the script must print, from the samples themselves.
  private func expected(_ samples: [Sample], view: Bool) throws -> [String] {
    var lines: [String] = []
    for sample in samples {
      func add(_ field: String, _ shape: [Int], _ value: [UInt8]) {
        let shape = shape.isEmpty ? "-" : shape.map(String.init).joined(separator: "x")
        lines.append("\(sample.key) \(field) \(shape) \(sha256(value))")
      }
      func add(_ field: String, _ array: FloatArray) {
        add(field, array.shape, array.values.withUnsafeBytes { Array($0) })
      }
      if case .floats(let array) = sample.content { add("npy", array) }
      if case .floats = sample.content, !view {
      } else {
        let pixels = try sample.pixels(limits: Limits())
        add("png", [pixels.height, pixels.width, pixels.channels], pixels.bytes)
      }
      add("cls", [], Array(String(sample.label).utf8))
      if let soft = sample.softLabel { add("soft.npy", FloatArray(shape: [soft.count], values: soft)) }
      if let metadata = sample.metadata { add("json", [], metadata) }
      for extra in sample.extras { add(extra.name, [], extra.bytes) }
    }
    return lines
  }

  @Test(arguments: [nil, 3] as [Int?])
  func `python reads a dataset and agrees on every field`(zstdLevel: Int?) throws {
    for samples in [examplePixels(7), examplePixels(7, height: 9, width: 3, channels: 1), exampleFloats(7)] {
      let folder = try TemporaryFolder()
      try writeDataset(samples, in: folder, zstdLevel: zstdLevel, maxSamples: 3)
      for (python, library) in Self.readers {
        #expect(
          try lines(folder["out"], python: python, library: library) == expected(samples, view: true), "\(library)")
      }
    }
  }

  @Test func `python reads the wire and skips its control members`() throws {
    for samples in [examplePixels(5), exampleFloats(5)] {
      let folder = try TemporaryFolder()
      try folder.write("wire.tar", try wire(samples))
      for (python, library) in Self.readers {
        let found = try lines(folder["wire.tar"], python: python, library: library)
        #expect(found == (try expected(samples, view: false)), "\(library)")
      }
    }
  }
}
