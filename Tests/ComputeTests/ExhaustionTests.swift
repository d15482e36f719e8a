import Catalog
import Foundation
import Shards
import Stages
import Tensors
import Testing

@testable import Command
@testable import ComputeCommand

extension ComputeTests {
  /// An operator that is given no memory ends the program as a thrown error does.
  @Suite struct ExhaustionTests {
    /// What a verb looks like to `writeStream`.
    private static func invocation(output: String) throws -> Invocation {
      let terminal = Terminal(isInput: false, isOutput: false, isError: false)
      let report = Reporter(name: "pipe condense", mode: .never, terminal: terminal)
      return Invocation(
        arguments: try Arguments(["-o", output], for: .condense), terminal: terminal, report: report,
        interrupts: Interrupts(.finishEarly, report: report))
    }

    private static func exhaust() throws {
      let large = try Tensor.zeros([1]).expanded(to: [1 << 20, 1 << 25])
      _ = large + large
    }

    @Test func `the reader of the stream is told and the reason is said`() async throws {
      let result = await #expect(
        processExitsWith: .exitCode(75), observing: [\.standardOutputContent, \.standardErrorContent]
      ) {
        leaveInOrderWithoutMemory()
        let invocation = try ExhaustionTests.invocation(output: "-")
        try await Farewell.expecting({ invocation.report.fail($0.sentence ?? "", exitCode: $0.exitCode) }) {
          try await writeStream(invocation) { writer in
            try writer.begin(toySamples().info)
            try ExhaustionTests.exhaust()
          }
        }
      }
      let stream = String(decoding: result?.standardOutputContent ?? [], as: UTF8.self)
      let told = stream.components(separatedBy: "__pipe__/error").last ?? ""
      #expect(told.contains("\"exit_code\":75") && told.contains("memory is exhausted"), "\(told)")
      let said = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
      #expect(
        said.contains("pipe condense: ") && said.contains("memory is exhausted: 140737488355328 bytes"), "\(said)")
      #expect(said.contains("; try again when other programs need less, or lower --width or --memory"), "\(said)")
    }

    @Test func `the unfinished outputs go`() async throws {
      await #expect(processExitsWith: .exitCode(75)) {
        leaveInOrderWithoutMemory()
        let folder = FileManager.default.temporaryDirectory.appending(path: "pipe-compute-\(getppid())-exhaustion").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let (info, samples) = toySamples()
        try await writeStream(ExhaustionTests.invocation(output: "\(folder)/x")) { writer in
          try writer.begin(info)
          let dataset = try DatasetWriter(ShardOptions(directory: "\(folder)/y", namePrefix: "y"), info: info)
          try dataset.write(samples[0])
          guard try FileManager.default.contentsOfDirectory(atPath: "\(folder)/y").count == 2 else { exit(1) }
          try ExhaustionTests.exhaust()
          withExtendedLifetime(dataset) {}
        }
      }
      let folder = FileManager.default.temporaryDirectory.appending(path: "pipe-compute-\(getpid())-exhaustion").path
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == [])
      try FileManager.default.removeItem(atPath: folder)
    }
  }
}
