import Foundation
import Testing

extension ComputeTests {
  /// A network that is kept serves only who would have trained the same one.
  @Suite struct NetworkCacheTests {
    private let scratch: Scratch

    init() throws { scratch = try Scratch() }

    private static let selection = "--method herding --ipc 2 --feature-steps 20 --width 8 --depth 1"
    private static let matching =
      "--method dm --embed-in snapshots --early-epochs 2 --steps 5 --width 8 --depth 1 --ipc 2"

    /// Two commands; the second comes after the first with its cache, and with none.
    @Test(arguments: [
      (selection, selection + " --normalization 0.5,0.5,0.5:0.05,0.05,0.05"),
      (matching, matching + " --normalization 0.5,0.5,0.5:0.05,0.05,0.05"),
      (selection + " --validate 0.4 --ipc 'bars=2,*=0'", selection + " --validate 0.4"),
      (matching + " --validate 0.4 --ipc 'bars=2,*=0'", matching + " --validate 0.4"),
    ])
    func `what was trained before changes no result`(before: String, command: String) throws {
      let run = try ComputeTests.shell(
        """
        condense="pipe condense -q --threads 1 -i $F/shapes-cifar.tar.gz"
        $condense \(before) --cache shared > /dev/null || exit
        $condense \(command) --cache shared | sha256sum
        $condense \(command) --cache other | sha256sum
        $condense \(command) --cache other | sha256sum
        """, in: scratch.folder)
      let digests = run.output.split(separator: "\n")
      #expect(run.status == 0 && digests.count == 3 && Set(digests).count == 1, "\(run.output) \(run.errors)")
    }

    @Test func `given networks that saw other values are said`() throws {
      let run = try ComputeTests.shell(
        """
        A=$F/shapes-cifar.tar.gz
        pipe fit -q --method trajectory --epochs 2 --width 8 --depth 1 -i $A -o nets.safetensors || exit
        pipe condense \(Self.matching) --trajectories nets.safetensors -i $A -o same 2> same.log || exit
        pipe condense \(Self.matching) --trajectories nets.safetensors --normalization 0.5,0.5,0.5:0.05,0.05,0.05 -i $A -o other 2> other.log || exit
        grep -c "deviation 0.05, 0.05, 0.05\\|here these are 0.5, 0.5, 0.5" same.log other.log
        """, in: scratch.folder)
      #expect(run.output == "same.log:0\nother.log:1\n", "\(run.output) \(run.errors)")
    }
  }
}
