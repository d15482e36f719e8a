import Foundation
import Tensors
import Testing

extension ComputeTests {
  /// `--device` of the built program, on machines without a CUDA device.
  @Suite(.enabled(if: !Runtime.hasCUDA)) struct DeviceOptionTests {
    private func condense(_ words: [String]) throws -> (status: Int32, output: Data, errors: String) {
      let fixtures = URL(filePath: #filePath).appending(path: "../../../fixtures").standardized
      let process = Process()
      process.executableURL = Bundle.main.bundleURL.appending(path: "pipe")
      process.arguments =
        ["condense", "--method", "dm", "--ipc", "1", "--steps", "1", "--width", "8", "--batch", "8"]
        + ["-i", fixtures.appending(path: "shapes-cifar.tar.gz").path] + words
      let (output, errors) = (Pipe(), Pipe())
      process.standardInput = FileHandle.nullDevice
      process.standardOutput = output
      process.standardError = errors
      try process.run()
      // The log of one step fits into the pipe, so that reading one after the other cannot block.
      let result = try output.fileHandleForReading.readToEnd() ?? Data()
      let text = String(decoding: try errors.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
      process.waitUntilExit()
      return (process.terminationStatus, result, text)
    }

    @Test func aDeviceThatIsNotThereIsRefusedInOneSentence() throws {
      let run = try condense(["--device", "cuda"])
      #expect(run.status == 64)
      #expect(run.output.isEmpty)
      #expect(run.errors.contains("--device cuda: libtorch \(Runtime.libraryVersion) finds no CUDA device"))
      #expect(run.errors.contains("--device cpu"))
    }

    @Test func autoTakesTheProcessorAndSaysSo() throws {
      let chosen = try condense(["--device", "auto"])
      #expect(chosen.status == 0, "\(chosen.errors)")
      #expect(chosen.errors.contains("device: cpu"))
      #expect(chosen.output == (try condense(["--device", "cpu"]).output))
    }
  }
}
