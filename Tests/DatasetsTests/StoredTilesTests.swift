import Datasets
import Testing

/// One image, with the formation that it comes with.
private final class One: SampleSource {
  let info: DatasetInfo
  private var rest: Sample?

  init(_ formation: Formation?) {
    info = DatasetInfo(name: "x", classNames: ["a"], shape: [1, 8, 8], formation: formation, countPerClass: [1])
    let image = Pixels(height: 8, width: 8, channels: 1, bytes: (0..<64).map { 4 * $0 })
    rest = Sample(key: "k", content: .pixels(image), label: 0)
  }

  func next() throws(DataError) -> Sample? {
    defer { rest = nil }
    return rest
  }
}

@Suite("Images that hold several training images") struct StoredTilesTests {
  private let cut: [ReadOptions] = [
    ReadOptions(resize: .exact(height: 4, width: 4)), ReadOptions(resize: .shortSide(16)), ReadOptions(centerCrop: 4),
  ]

  @Test func `they are neither resized nor cropped`() throws {
    for options in cut {
      #expect(try all(prepared(One(nil), options: options)).count == 1)
      #expect(try all(prepared(One(Formation(factor: 1)), options: options)).count == 1)
      let error = #expect(throws: DataError.self) { try prepared(One(Formation(factor: 2)), options: options) }
      #expect(error?.fault == .usage && error?.remedy?.contains("pipe cat --form") == true)
    }
  }

  /// `evaluate --resize 16 --center-crop 8` means the test images, to which the set was fitted.
  @Test func `those that have their size stay as they are`() throws {
    for options in [
      ReadOptions(resize: .shortSide(16), centerCrop: 8), ReadOptions(resize: .exact(height: 8, width: 8)),
    ] {
      let whole = try all(One(Formation(factor: 2)))
      #expect(try all(prepared(One(Formation(factor: 2)), options: options)) == whole)
    }
  }
}
