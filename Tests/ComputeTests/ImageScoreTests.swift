import Datasets
import Foundation
import Methods
import Networks
import Shards
import Stages
import Tensors
import Testing

extension ComputeTests {
  /// Scores of the images of a set, and the sets that they leave.
  @Suite struct ImageScoreTests {
    @Test func `the scores are sums over the epochs that are right most often`() throws {
      // Two images, two classes; networks whose answers are their biases.
      let set = TrainingSet(
        images: Tensor.zeros([2, 1, 4, 4]), targets: Tensor([1, 0, 0, 1], shape: [2, 2]))
      let architecture = try Architecture.convNet(
        ImageShape(channels: 1, height: 4, width: 4), classes: 2, filters: 2, depth: 1)
      var random = RandomSource(seed: 1)
      let network = Network(architecture, using: &random)
      func answering(_ first: Float, _ second: Float) -> Network {
        var parameters = network.parameters.map { Tensor.zeros($0.shape) }
        parameters[parameters.count - 1] = Tensor([first, second], shape: [2])
        return network.with(parameters: parameters)
      }
      var errors = PredictionErrors()
      #expect(errors.scores.isEmpty)
      // The first answers decide, as all are right about one image of two.
      for pass in 0..<12 { try errors.add(pass < 10 ? answering(2, 0) : answering(9, 0), on: set) }
      let p = 1 / (1 + exp(-2.0))
      for (score, expected) in zip(errors.scores, [(1 - p) * 2.0.squareRoot(), p * 2.0.squareRoot()]) {
        #expect(abs(score - 10 * expected) < 1e-4)
      }
    }

    @Test func `a network that diverges gives accuracies and no scores`() throws {
      let scratch = try Scratch()
      let run = try ComputeTests.shell(
        """
        A=$F/shapes-cifar.tar.gz; pipe condense -q --method random --ipc 2 --normalization 0.5,0.5,0.5:0.0001,0.0001,0.0001 < $A | pipe shard -q -o set
        pipe evaluate -q --train set --test $A --norm none --protocol dc --epochs 30 --repeats 1 --width 32 --depth 2 --scores scores; ls
        """, in: scratch.folder)
      #expect(run.status == 0 && run.output.contains("P-DC"), "\(run.output) \(run.errors)")
      #expect(run.errors.contains("scores is not written") && !run.output.contains("scores"), "\(run.errors)")
    }

    @Test func `easy images are kept and scores of other sets refused`() throws {
      let scratch = try Scratch()
      let run = try ComputeTests.shell(
        """
        A=$F/shapes-cifar.tar.gz; pipe condense -q --method random --ipc 4 < $A | pipe shard -q -o set
        pipe condense -q --method random --ipc 3 < $A | pipe shard -q -o other
        pipe evaluate -q --train set --test $A --protocol idc --epochs 3 --repeats 2 --width 8 --depth 2 --scores scores > /dev/null || exit
        pipe cat -q --per-class 2 --lowest scores set | pipe shard -q -o few && pipe verify -q few > /dev/null || exit
        pipe cat -q --per-class 2 --lowest scores other > /dev/null; echo "other: $?"
        sed '1s/"label":0/"label":1/; 5s/"label":1/"label":0/' scores > exchanged
        pipe cat -q --per-class 2 --lowest exchanged set > /dev/null; echo "exchanged: $?"
        pipe cat -q --lowest scores set > /dev/null; echo "alone: $?"
        for s in set few; do cat $s/*.tar | tar xO --ignore-zeros --wildcards '*.png' | sha256sum; tar tf $s/*.tar --wildcards '*.cls' | cut -d. -f1 | tr '\\n' ' '; echo; done
        cat scores
        """, in: scratch.folder)
      #expect(run.status == 0, "\(run.errors)")
      let lines = run.output.split(separator: "\n").map(String.init)
      #expect(lines.prefix(3) == ["other: 65", "exchanged: 65", "alone: 64"], "\(run.output) \(run.errors)")
      let scores = try lines.dropFirst(7).map { line in
        try decodeJSON(ImageScore.self, from: Array(line.utf8), at: [])
      }
      #expect(scores.count == 40)
      let expected = (0..<10).flatMap { label in
        scores.filter { $0.label == label }.sorted { ($0.lbpe, $0.key) < ($1.lbpe, $1.key) }.prefix(2).map(\.key)
      }
      let kept = lines[6].split(separator: " ").map(String.init)
      #expect(kept == expected.sorted())
      #expect(scores.allSatisfy { $0.lbpe > 0 && $0.lbpe <= 2 * 3 * 2.0.squareRoot() })
    }
  }
}
