import Datasets
import Testing

@Suite("Formations without tensors") struct FormationTests {
  @Test func `counts of tiles are those of the grids`() {
    for factor in 1...5 {
      #expect(Formation(factor: factor).multiplicity == factor * factor)
      #expect(Formation(.multi, factor: factor).multiplicity == factor * (factor + 1) * (2 * factor + 1) / 6)
      #expect(Formation(.time, factor: factor).multiplicity == factor)
    }
  }

  @Test func `a formation fits where every tile of every grid has a pixel`() {
    // Five tiles of two rows are ten: the last of seven rows is in the fourth tile.
    #expect(!Formation(factor: 5).fits(height: 7, width: 32) && Formation(factor: 7).fits(height: 7, width: 32))
    #expect(!Formation(.multi, factor: 7).fits(height: 7, width: 32))
    #expect(
      Formation(.time, factor: 5).fits(height: 1, width: 32) && !Formation(.time, factor: 5).fits(height: 32, width: 7))
  }

  @Test func `another kind brings its padding`() {
    var formation = Formation(factor: 3)
    #expect(formation.padding == 0.5)
    formation.kind = .time
    #expect(formation.padding == 0)
    #expect(Formation(.time, factor: 2, padding: -7).padding == -7)
  }

  @Test func `an image of one row is enlarged by hand`() {
    // Tiles of two columns, enlarged to three: pixel centres at 1/6, 1/2 and 5/6 of [a, b].
    let image = FloatArray(shape: [1, 1, 3], values: [1, 4, 10])
    let formed = Formation(.time, factor: 2, padding: 0).formed(image)
    let expected: [[Float]] = [[1, 2.5, 4], [10, 5, 0]]
    for (tile, values) in zip(formed, expected) {
      #expect(zip(tile.values, values).allSatisfy { abs($0 - $1) < 1e-5 }, "\(tile.values)")
    }
  }

  @Test func `eight bits are the floats, rounded`() {
    let bytes = (0..<7 * 6 * 3).map { UInt8($0 * 37 % 256) }
    let image = Pixels(height: 7, width: 6, channels: 3, bytes: bytes)
    for formation in [Formation(factor: 2), Formation(.multi, factor: 3), Formation(.time, factor: 3)] {
      let (levels, floats) = (formation.formed(image), formation.formed(image.unitFloats))
      #expect(levels.count == floats.count && levels.count == formation.multiplicity)
      for (level, float) in zip(levels, floats) {
        let back = level.unitFloats
        #expect(back.shape == float.shape)
        #expect(zip(back.values, float.values).allSatisfy { abs($0 - $1) <= 0.5 / 255 + 1e-6 })
      }
    }
  }

  private final class Stored: SampleSource {
    var info: DatasetInfo
    private var rest: ArraySlice<Sample>

    init(_ formation: Formation, _ samples: [Sample]) {
      info = DatasetInfo(
        name: "stored", classNames: ["a", "b"], shape: [1, 5, 5], normalization: Normalization(mean: [0.5], std: [0.2]),
        formation: formation, countPerClass: [1, 1])
      rest = samples[...]
    }

    func next() throws(DataError) -> Sample? { rest.popFirst() }
  }

  @Test func `a formed source has the tiles of every sample under new keys`() throws {
    let values = (0..<25).map { Float($0) }
    let samples = [
      Sample(
        key: "x", content: .floats(FloatArray(shape: [1, 5, 5], values: values)), label: 1, softLabel: [0.25, 0.75],
        metadata: Array("{}".utf8), extras: [Field(name: "txt", bytes: [65])]),
      Sample(
        key: "y", content: .pixels(Pixels(height: 5, width: 5, channels: 1, bytes: values.map { UInt8($0) })), label: 0),
    ]
    let formation = Formation(.multi, factor: 3)
    let step = ProvenanceStep(verb: "cat", tool: "test")
    let source = FormedSource(Stored(formation, samples), adding: step)
    #expect(source.info.formation == nil && source.info.countPerClass == [14, 14])
    #expect(source.info.provenance == [step] && source.info.normalization == Normalization(mean: [0.5], std: [0.2]))
    var tiles: [Sample] = []
    while let tile = try source.next() { tiles.append(tile) }
    #expect(tiles.count == 28 && Set(tiles.map(\.key)).count == 28)
    #expect(tiles[0].key == "x-00" && tiles[13].key == "x-13" && tiles[14].key == "y-00")
    #expect(
      tiles[..<14].allSatisfy { $0.label == 1 && $0.softLabel == [0.25, 0.75] && $0.metadata == samples[0].metadata })
    #expect(tiles[..<14].allSatisfy { $0.extras == samples[0].extras } && tiles[14...].allSatisfy { $0.label == 0 })
    // The coarsest grid is the stored image.
    #expect(tiles[0].content == samples[0].content && tiles[14].content == samples[1].content)
    #expect(try source.next() == nil)
  }

  @Test func `what does not fit is refused with size and place`() throws {
    let small = Sample(key: "s", content: .floats(FloatArray(shape: [1, 2, 2], values: [0, 0, 0, 0])), label: 0)
    for (formation, words) in [
      (Formation(factor: 3), "3 tiles per side does not fit images of 2×2"),
      (Formation(.multi, factor: 3), "scales of 1 to 3 tiles per side does not fit"),
      (Formation(.time, factor: 3), "3 tiles along the width does not fit"),
      (Formation(factor: 2, upsample: "nearest"), "enlarges tiles by nearest"),
    ] {
      let source = FormedSource(Stored(formation, [small]), adding: ProvenanceStep(verb: "cat", tool: "test"))
      for _ in 0..<2 {
        let error = #expect(throws: DataError.self) { try source.next() }
        #expect(
          error?.problem.contains(words) == true && error?.place == ["stored", "sample s"],
          "\(error?.description ?? "")")
      }
    }
  }
}
