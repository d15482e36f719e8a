import Foundation
import Tensors
import Testing

extension ComputeTests {
  /// `--device` of the built program, on machines without a CUDA device.
  @Suite(.enabled(if: !Runtime.hasCUDA)) struct DeviceOptionTests {
    private let scratch: Scratch
    private var folder: URL { scratch.folder }

    init() throws {
      scratch = try Scratch()
    }

    /// A condensation of one step into the file `name`.
    private func condense(_ device: String, to name: String) throws -> (status: Int32, output: String, errors: String) {
      try ComputeTests.shell(
        "pipe condense --method dm --ipc 1 --steps 1 --width 8 --batch 8 -i $F/shapes-cifar.tar.gz --device \(device) -o \(name)",
        in: folder)
    }

    @Test func `a device that is not there is refused in one sentence`() throws {
      let run = try condense("cuda", to: "x")
      #expect(run.status == 64)
      #expect(!FileManager.default.fileExists(atPath: folder.appending(path: "x").path))
      #expect(run.errors.contains("--device cuda: libtorch \(Runtime.libraryVersion) finds no CUDA device"))
      #expect(run.errors.contains("--device cpu"))
    }

    @Test func `auto takes the processor and says so`() throws {
      let chosen = try condense("auto", to: "auto")
      #expect(chosen.status == 0, "\(chosen.errors)")
      #expect(chosen.errors.contains("device: cpu"))
      #expect(try condense("cpu", to: "cpu").status == 0)
      let files = try ["auto", "cpu"].map { try Data(contentsOf: folder.appending(path: $0)) }
      #expect(files[0] == files[1])
    }
  }
}
