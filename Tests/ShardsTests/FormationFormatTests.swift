import Datasets
import Foundation
import Shards
import Testing

/// How formations stand in manifests and headers.
@Suite struct FormationFormatTests {
  /// What readers knew before there were several kinds.
  private struct UniformOnly: Decodable {
    var factor: Int
    var upsample: String
    var padding: Float
  }

  private func text(_ formation: Formation) -> String { String(decoding: encodeJSON(formation), as: UTF8.self) }

  @Test func `a uniform one is written as it was before there were others`() throws {
    #expect(text(Formation(factor: 2)) == #"{"factor":2,"padding":0.5,"upsample":"bilinear"}"#)
    let old = try decodeJSON(UniformOnly.self, from: encodeJSON(Formation(factor: 3)), at: [])
    #expect(old.factor == 3)
  }

  @Test func `the others are written with kind and parts`() {
    #expect(text(Formation(.multi, factor: 3)) == #"{"kind":"multi","padding":0.5,"parts":3,"upsample":"bilinear"}"#)
    #expect(text(Formation(.time, factor: 2)) == #"{"kind":"time","padding":0,"parts":2,"upsample":"bilinear"}"#)
  }

  @Test func `every one is read as it was written`() throws {
    for kind in Formation.Kind.allCases {
      for formation in [Formation(kind, factor: 4), Formation(kind, factor: 1, padding: 0.25)] {
        #expect(try decodeJSON(Formation.self, from: encodeJSON(formation), at: []) == formation)
      }
    }
  }

  @Test func `a reader that knows uniform ones alone refuses the others`() {
    for formation in [Formation(.multi, factor: 2), Formation(.time, factor: 2)] {
      let error = #expect(throws: DataError.self) {
        try decodeJSON(UniformOnly.self, from: encodeJSON(formation), at: ["manifest"])
      }
      #expect(error?.problem == "has no key factor")
    }
  }

  @Test func `a kind of later days is refused`() {
    let bytes = Array(#"{"factor":2,"kind":"spiral","padding":0.5,"parts":2,"upsample":"bilinear"}"#.utf8)
    let error = #expect(throws: DataError.self) { try decodeJSON(Formation.self, from: bytes, at: ["manifest"]) }
    #expect(error?.problem == "has an unexpected value at kind")
  }

  @Test func `a stream and a dataset keep every kind`() throws {
    for kind in Formation.Kind.allCases {
      let folder = try TemporaryFolder()
      var info = exampleInfo
      info.formation = Formation(kind, factor: 2)
      try writeDataset(exampleFloats(3), in: folder, info: info)
      #expect(try DatasetReader(folder["out"]).info.formation == info.formation)
      try folder.write("wire", wire(exampleFloats(3), info: info))
      #expect(
        try openSamples([.file(folder["wire"])], options: ReadOptions(), log: { _ in }).info.formation == info.formation
      )
    }
  }
}
