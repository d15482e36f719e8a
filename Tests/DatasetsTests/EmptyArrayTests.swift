import Foundation
import Testing

@testable import Datasets

/// Arrays that hold nothing, and what is said of float images and asked of other sources than archives.
@Suite struct EmptyArrayTests {
  /// Samples that are there already.
  private final class Given: SampleSource {
    let info: DatasetInfo
    private var samples: [Sample]

    init(_ info: DatasetInfo, _ samples: [Sample]) { (self.info, self.samples) = (info, samples) }

    func next() throws(DataError) -> Sample? { samples.isEmpty ? nil : samples.removeFirst() }
  }

  private func archive(_ arrays: [[UInt8]]) -> [UInt8] {
    tar(
      arrays.enumerated().flatMap { number, bytes in
        [TestMember("\(number).npy", bytes), TestMember("\(number).cls", text: "0")]
      })
  }

  private let sound = npyBytes(FloatArray(shape: [3, 1, 4], values: Array(repeating: 0.5, count: 12)))

  @Test(arguments: ["(3, 0, 4)", "(0, 4, 3)", "(0, 4)", "(3, 4, 0)"], ["<f4", "|u1"])
  func `an empty array in a WebDataset is a bad sample`(shape: String, type: String) throws {
    let bytes = archive([sound, array(type: type, shape: shape, []), sound])
    let error = failure(of: bytes)
    #expect(error?.fault == .badInput && error?.problem.hasPrefix("an empty array, of shape") == true)
    let source = try openDataset(
      from: ByteSource(bytes: bytes, name: "test"), options: ReadOptions(onBadSample: .skip()))
    #expect(source.info.shape == [3, 1, 4])
    #expect(try all(source).map(\.key) == ["0", "2"])
    #expect(failure(of: archive([array(type: type, shape: shape, [])])) != nil)
  }

  @Test func `latents of one axis cannot be resized`() throws {
    let latent = Sample(
      key: "a", content: .floats(FloatArray(shape: [7], values: Array(repeating: 0, count: 7))), label: 0)
    let info = DatasetInfo(name: "z", kind: .latents, classNames: ["x"], shape: [7])
    for resize in [ReadOptions.Resize.shortSide(4), .exact(height: 4, width: 4)] {
      let source = try prepared(Given(info, [latent]), options: ReadOptions(resize: resize))
      let error = #expect(throws: DataError.self) { try all(source) }
      #expect(error?.problem == "float samples of 7 cannot be resized or cropped")
    }
  }

  /// Only an image that is turned by a quarter changes the shape of a dataset.
  @Test func `where nothing is turned the shape stays`() throws {
    let info = DatasetInfo(name: "f", classNames: ["x"], shape: [1, 2, 3])
    let floats = FloatArray(shape: [1, 2, 3], values: [0, 1, 2, 3, 4, 5])
    let file = encodePNG(Pixels(height: 2, width: 3, channels: 1, bytes: [0, 1, 2, 3, 4, 5]))
    for content in [Content.floats(floats), .encoded(EncodedImage(format: .png, bytes: file))] {
      let sample = Sample(key: "a", content: content, label: 0)
      let source = try prepared(Given(info, [sample]), options: ReadOptions(exifRotate: true))
      #expect(source.info.shape == nil)
      #expect(try all(source).count == 1)
      #expect(source.info.shape == [1, 2, 3])
    }
  }

  @Test func `a class is chosen by its name also where that has a comma`() throws {
    let info = DatasetInfo(name: "c", classNames: ["a", "com,ma", "b"], shape: [1, 1, 1])
    let pixel = Pixels(height: 1, width: 1, channels: 1, bytes: [0])
    let samples = (0..<3).map { Sample(key: "\($0)", content: .pixels(pixel), label: $0) }
    let source = try prepared(Given(info, samples), options: ReadOptions(classes: ["com", "ma", "a"]))
    #expect(source.info.classNames == ["a", "com,ma"])
    #expect(try all(source).map(\.key) == ["0", "1"])
    let error = #expect(throws: DataError.self) {
      try prepared(Given(info, samples), options: ReadOptions(classes: ["a", "com"]))
    }
    #expect(error?.problem == "there is no class “com” in it")
  }

  @Test func `values of float images beyond 0 and 1 are told of`() throws {
    final class Log { var lines: [String] = [] }
    for (low, isTold) in [(Float(-1), true), (0, false)] {
      let log = Log()
      let image = npyBytes(FloatArray(shape: [1, 1, 2], values: [low, 1]))
      let source = try openDataset(
        from: ByteSource(bytes: archive([image]), name: "test"), options: ReadOptions(), log: { log.lines.append($0) })
      _ = try all(source)
      #expect(
        log.lines.contains {
          $0
            == "test: its float images have values from -1.0 to 1.0, and are read as they are: 0 is black and 1 is white"
        } == isTold, "\(log.lines)")
    }
  }
}
