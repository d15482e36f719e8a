import Datasets
import Foundation
import Methods
import Networks
import Stages
import Streaming
import Synchronization
import Tensors
import TensorTurn
import Testing

/// All suites of this module that use tensors nest in here: the library's thread team wants one user at a time.
@Suite(.serialized, .takesTurns) struct ComputeTests {}

extension ComputeTests {
  /// Runs a line of shell in a folder, with the built programs in its path and `$F` for the fixtures; both streams go to files.
  static func shell(_ line: String, in folder: URL) throws -> (status: Int32, output: String, errors: String) {
    let out = folder.appending(path: "out-\(UUID().uuidString)")
    let err = folder.appending(path: "err-\(UUID().uuidString)")
    for file in [out, err] { _ = FileManager.default.createFile(atPath: file.path, contents: nil) }
    let process = Process()
    process.executableURL = URL(filePath: "/bin/bash")
    process.arguments = ["-c", "set -o pipefail; cd '\(folder.path)'; \(line)"]
    let fixtures = URL(filePath: #filePath).appending(path: "../../../fixtures").standardized.path
    process.environment = ["PATH": "\(Bundle.main.bundleURL.path):/usr/bin:/bin", "F": fixtures, "HOME": folder.path]
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = try FileHandle(forWritingTo: out)
    process.standardError = try FileHandle(forWritingTo: err)
    try process.run()
    process.waitUntilExit()
    return (
      process.terminationStatus, try String(contentsOf: out, encoding: .utf8),
      try String(contentsOf: err, encoding: .utf8)
    )
  }
}

extension ComputeTests {
  /// What a command line of the built program said beforehand that it would take, and what it took at most, both in bytes.
  ///
  /// `words` are a verb and its options; both numbers are among what --verbose tells.
  static func memory(_ words: String) throws -> (estimate: Double, peak: Double) {
    let scratch = try Scratch()
    let run = try shell("pipe \(words) --verbose -o out.wire", in: scratch.folder)
    try #require(run.status == 0, "\(run.errors)")
    func bytes(_ match: Regex<(Substring, Substring, Substring)>.Match?) throws -> Double {
      let match = try #require(match, "\(run.errors)")
      let unit = try #require(["KiB": 1024.0, "MiB": 1_048_576, "GiB": 1_073_741_824][match.output.2])
      return unit * (try #require(Double(match.output.1)))
    }
    let decoded = try bytes(run.errors.firstMatch(of: /memory: ([0-9.]+) ([KMG]iB) of decoded images/))
    let working = try bytes(run.errors.firstMatch(of: /about ([0-9.]+) ([KMG]iB) to compute/))
    let peak = try bytes(run.errors.firstMatch(of: /at most ([0-9.]+) ([KMG]iB) of memory/))
    return (decoded + working, peak)
  }
}

/// A folder that goes away with the value.
final class Scratch {
  let folder = FileManager.default.temporaryDirectory.appending(path: "pipe-compute-\(UUID().uuidString)")

  init() throws {
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  }

  deinit {
    try? FileManager.default.removeItem(at: folder)
  }
}

/// A clock that goes on by a second whenever it is looked at.
final class TickingClock: Sendable {
  private let value = Mutex(0.0)

  /// What it shows, without a look that counts.
  var shown: Double { value.withLock { $0 } }

  /// A look.
  @Sendable func seconds() -> Double {
    value.withLock { value in
      value += 1
      return value
    }
  }
}

/// A source of prepared samples.
final class Prepared: SampleSource {
  let info: DatasetInfo
  private var rest: ArraySlice<Sample>

  init(_ info: DatasetInfo, _ samples: [Sample]) {
    self.info = info
    rest = samples[...]
  }

  func next() throws(DataError) -> Sample? { rest.popFirst() }
}

/// Small colour images of two classes that differ in brightness, with noise from a fixed seed.
func toySamples(perClass: [Int] = [12, 9], side: Int = 8) -> (info: DatasetInfo, samples: [Sample]) {
  var samples: [Sample] = []
  for (label, count) in perClass.enumerated() {
    for index in 0..<count {
      var random = RandomSource(seed: 7).split("toy", label, index)
      let bytes = random.normal(side * side * 3).map { UInt8(min(max(80 + 70 * Float(label) + 25 * $0, 0), 255)) }
      samples.append(
        Sample(
          key: "s\(label)x\(index)",
          content: .pixels(Pixels(height: side, width: side, channels: 3, bytes: bytes)), label: label))
    }
  }
  let names = (0..<perClass.count).map { "class\($0)" }
  return (DatasetInfo(name: "toy", classNames: names, shape: [3, side, side]), samples)
}

func store(
  _ info: DatasetInfo, _ samples: [Sample], memoryLimit: Int = 1 << 30
) throws -> ClassStore {
  var builder = ClassStoreBuilder(
    info: info, memoryLimit: memoryLimit, spillDirectory: FileManager.default.temporaryDirectory.path)
  for sample in samples { try builder.add(sample) }
  return try builder.finish()
}

/// A network that is quick to draw.
let smallNetwork = NetworkChoice(filters: 8, depth: 2)

/// A request of a method with small networks and batches; `options` as they are typed.
func smallRequest(
  _ name: String, _ options: [String: String] = [:], budget: Budget = Budget(rest: 2), seed: UInt64 = 3
) throws -> CondenseRequest {
  let type = try #require(Registry.method(name))
  return try CondenseRequest(method: smallMethod(type, options), budget: budget, seed: seed)
}

private func smallMethod<M: CondensingMethod>(_ type: M.Type, _ options: [String: String]) throws -> M {
  var method = M()
  let small = ["width": "8", "depth": "2", "batch": "8"].filter { option, _ in
    M.settings.contains { $0.option == option }
  }
  for (option, text) in small.merging(options, uniquingKeysWith: { $1 }).sorted(by: { $0.key < $1.key }) {
    try method.set(option, to: text)
  }
  return method
}

/// An architecture that is known to fit its images.
func known(_ make: () throws -> Architecture) -> Architecture {
  do {
    return try make()
  } catch {
    preconditionFailure("\(error)")
  }
}
