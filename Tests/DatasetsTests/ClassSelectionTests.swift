import Datasets
import Testing

/// Samples in memory, with the description that they come with.
private final class Listed: SampleSource {
  let info: DatasetInfo
  private var rest: ArraySlice<Sample>

  init(_ samples: [Sample], labelKind: DatasetInfo.LabelKind) {
    info = DatasetInfo(
      name: "x", classNames: ["a", "b", "c"], shape: [1, 1, 1], labelKind: labelKind, countPerClass: [1, 1, 1])
    rest = samples[...]
  }

  func next() throws(DataError) -> Sample? { rest.popFirst() }
}

private func sample(_ label: Int, _ soft: [Float]) -> Sample {
  Sample(
    key: "k\(label)", content: .pixels(Pixels(height: 1, width: 1, channels: 1, bytes: [0])), label: label,
    softLabel: soft)
}

@Suite("Class selections") struct ClassSelectionTests {
  private func read(_ softs: [[Float]], _ kind: DatasetInfo.LabelKind, _ classes: [String]) throws(DataError)
    -> [[Float]?]
  {
    let samples = softs.enumerated().map { sample($0, $1) }
    let source = try prepared(Listed(samples, labelKind: kind), options: ReadOptions(classes: classes))
    var found: [[Float]?] = []
    while let sample = try source.next() { found.append(sample.softLabel) }
    return found
  }

  @Test func `--classes leaves probabilities that add up to 1, and logits as they are`() throws {
    let softs: [[Float]] = [[0.5, 0.25, 0.25], [0, 1, 0], [0.75, 0, 0.25]]
    #expect(try read(softs, .probability, ["c", "a"]) == [[Float(0.5 / 0.75), Float(0.25 / 0.75)], [0.75, 0.25]])
    #expect(try read(softs, .logit, ["a", "c"]) == [[0.5, 0.25], [0.75, 0.25]])
    let error = #expect(throws: DataError.self) { try read([[0, 1, 0]], .probability, ["a", "c"]) }
    #expect(error?.place == ["x", "sample k0"] && error?.problem.contains("no probability left") == true)
  }

  @Test func `a selection says what it leaves`() {
    let info = Listed([], labelKind: .hard).info
    let renumbered = ClassSelection(keeping: [false, true, true], renumbering: true)
    #expect(renumbered.newLabels == [nil, 0, 1])
    #expect(
      renumbered.applied(to: info).classNames == ["b", "c"] && renumbered.applied(to: info).countPerClass == [1, 1])
    let kept = ClassSelection(keeping: [false, true, true], renumbering: false)
    #expect(kept.newLabels == [nil, 1, 2])
    #expect(kept.applied(to: info).classNames == ["a", "b", "c"] && kept.applied(to: info).countPerClass == [0, 1, 1])
  }
}
