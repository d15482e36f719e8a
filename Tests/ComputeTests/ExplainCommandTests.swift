import Foundation
import Shards
import Testing

extension ComputeTests {
  /// `pipe explain`, from the command line.
  @Suite struct ExplainCommandTests {
    private let scratch: Scratch
    private var folder: URL { scratch.folder }

    init() throws { scratch = try Scratch() }

    private func explained(
      _ made: String, _ options: String = ""
    ) throws -> (explanation: Explanation, errors: String) {
      let run = try ComputeTests.shell(
        "A=$F/shapes-cifar.tar.gz; \(made) | pipe explain - --real $A --json \(options)", in: folder)
      try #require(run.status == 0, "\(run.errors)")
      return (try decodeJSON(Explanation.self, from: Array(run.output.utf8), at: []), run.errors)
    }

    @Test func `chosen images are copies of the ones that the history names`() throws {
      let run = try ComputeTests.shell(
        """
        A=$F/shapes-cifar.tar.gz; pipe condense --method random --ipc 3 < $A | pipe shard -q -o set && pipe explain set --real $A --json -o sheet.png > e.json && cat set/*.tar | tar xO --wildcards '*.json'
        """, in: folder)
      try #require(run.status == 0, "\(run.errors)")
      let explanation = try decodeJSON(
        Explanation.self, from: Array(try Data(contentsOf: folder.appending(path: "e.json"))), at: [])
      #expect(explanation.copies == 30)
      #expect(explanation.images.count == 30)
      #expect(explanation.images.allSatisfy { $0.tile == nil && $0.nearest[0].difference == 0 })
      let sources = run.output.matches(of: /"source":"([^"]*)"/).map { String($0.output.1) }
      #expect(explanation.images.map(\.nearest[0].source) == sources)
      #expect(explanation.classes.allSatisfy { $0.agreeing == 1 && $0.images == 3 })
      let leakage = try #require(explanation.leakage)
      #expect(!leakage.isSuspicious && leakage.nearerToTest == 0 && leakage.same.isEmpty)
      let sheet = try Data(contentsOf: folder.appending(path: "sheet.png"))
      #expect(sheet.starts(with: [0x89, 0x50, 0x4e, 0x47]))
    }

    @Test func `a set made of the test part is told`() throws {
      let (explanation, errors) = try explained("pipe condense --method random --ipc 4 --split test < $A")
      let leakage = try #require(explanation.leakage)
      #expect(leakage.same.count == 40)
      #expect(leakage.nearerToTest == 40)
      #expect(leakage.isSuspicious)
      #expect(errors.contains("the set knows the test part"), "\(errors)")
      #expect(explanation.copies == 0)
    }

    @Test func `tiles are explained one by one and by features`() throws {
      for space in ["pixels", "features"] {
        let (explanation, _) = try explained(
          "pipe condense --method dm --factor 2 --ipc 1 --steps 1 --lr 1e-9 --init mixed --width 8 --depth 2 < $A",
          "--by \(space) --nearest 2 \(space == "features" ? "--cache cache --width 8 --depth 2 --feature-steps 5" : "")"
        )
        #expect(explanation.images.count == 40)
        #expect(explanation.images.map(\.tile).prefix(5) == [0, 1, 2, 3, 0])
        #expect(
          explanation.images.allSatisfy { $0.nearest.count == 2 && $0.nearest[0].distance <= $0.nearest[1].distance })
        #expect(explanation.by == space)
        // The tiles are real images, shrunk.
        if space == "pixels" { #expect(explanation.images.allSatisfy { $0.nearest[0].difference < 0.01 }) }
      }
    }

    @Test func `real data without images of the set's classes is refused`() throws {
      let run = try ComputeTests.shell(
        """
        pipe condense -q --method random --ipc 'bars=1,*=0' < $F/shapes-cifar.tar.gz | pipe shard -q -o bars
        pipe condense -q --method random --ipc 'bars=0,*=1' < $F/shapes-cifar.tar.gz | pipe shard -q -o others
        pipe explain bars --real others
        """, in: folder)
      #expect(run.status == 65 && run.errors.contains("no images of the classes"), "\(run.errors)")
    }

    @Test func `data without parts has no test part, and is told where it is tested on`() throws {
      let run = try ComputeTests.shell(
        """
        tar xf $F/shapes-folder.tar.gz; R=$(find . -type d -name train); pipe condense --resize 16x16 --method random --ipc 1 -q -i $R | pipe shard -q -o set
        pipe explain set --real $R --resize 16x16 --json > e.json && cat e.json
        pipe evaluate -q --train set --test $R --resize 16x16 --protocol dc --epochs 1 --repeats 1 --width 4 --depth 1 --json > /dev/null
        """, in: folder)
      try #require(run.status == 0, "\(run.errors)")
      let explanation = try decodeJSON(Explanation.self, from: Array(run.output.utf8), at: [])
      #expect(explanation.leakage == nil && run.errors.contains("traces of the test part are not looked for"))
      #expect(run.errors.contains("accuracies will be too high"), "\(run.errors)")
    }

    @Test func `a place that cannot be written is found out before the work`() throws {
      for verb in [
        "explain set --real $F/shapes-cifar.tar.gz -o", "evaluate --train set --test $F/shapes-cifar.tar.gz --scores",
      ] {
        for (place, words) in [("taken", "exists already"), ("none/there", "No such file")] {
          let run = try ComputeTests.shell("echo mine > taken; mkdir -p set; pipe \(verb) \(place)", in: folder)
          #expect(run.status == 73 && run.errors.contains(words), "\(verb) \(place): \(run.errors)")
          #expect(!run.errors.contains("with -o"), "\(run.errors)")
        }
      }
    }

    @Test func `what does not belong together is refused`() throws {
      func refusal(_ line: String) throws -> String {
        let run = try ComputeTests.shell("A=$F/shapes-cifar.tar.gz; \(line)", in: folder)
        #expect(run.status == 65, "\(line): \(run.status) \(run.errors)")
        #expect(run.output.isEmpty)
        return run.errors
      }
      let set = "pipe condense --method random --ipc 1 < $A"
      #expect(try refusal("\(set) | pipe explain - --real $F/strokes.npz").contains("classes that strokes has not"))
      #expect(
        try refusal(
          "\(set) | pipe shard -q -o small; pipe explain small --real $F/tones.tar.gz --label-pattern '{label}_*'"
        ).contains("classes"))
      for line in ["explain - --real -", "evaluate --test -"] {
        let twice = try ComputeTests.shell("pipe \(line) < $F/shapes-cifar.tar.gz", in: folder)
        #expect(twice.status == 64, "\(twice.errors)")
        #expect(twice.errors.contains("can be read only once"))
      }
      let run = try ComputeTests.shell("pipe explain x", in: folder)
      #expect(run.status == 64)
      #expect(run.errors.contains("--real"), "\(run.errors)")
    }
  }
}
