import Datasets
import Foundation
import Testing

/// Files that Pillow wrote (the 16-bit ones were put together by hand) with the pixels that went into them.
@Suite struct ImageCodecTests {
  struct Sample: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var file: String
    var shape: [Int]
    var pixels: [UInt8]
  }

  static let samples = [
    Sample(
      testDescription: "RGB with alpha",
      file: """
        iVBORw0KGgoAAAANSUhEUgAAAAMAAAAECAYAAABLLYUHAAAAP0lEQVR4nAE0AMv/Ad8JeIXyY0Dua/xlOQH9FelZScRbCSlkpkcEg3ipsDlY3gj\
        7naoeBNOPFHf7aiIjDrUi+3K1F1ma5AyBAAAAAElFTkSuQmCC
        """, shape: [4, 3, 3],
      pixels: [
        223, 9, 120, 209, 108, 184, 60, 104, 29, 253, 21, 233, 70, 217, 68, 111, 61, 234, 128, 141, 146, 127, 49, 34,
        122,
        206, 148, 83, 28, 166, 78, 134, 68, 92, 131, 182,
      ]),
    Sample(
      testDescription: "grey with alpha",
      file: """
        iVBORw0KGgoAAAANSUhEUgAAAAMAAAAECAQAAADhJE2MAAAAJUlEQVR4nGNctjrgYc1ehreB5i1f7zPEiWSfu6HAtFrf+xGHIgDA3Qxf2cHckgA\
        AAABJRU5ErkJggg==
        """, shape: [4, 3, 1], pixels: [166, 246, 114, 237, 55, 245, 94, 107, 216, 9, 182, 224]),
    Sample(
      testDescription: "2-bit palette with transparency",
      file: """
        iVBORw0KGgoAAAANSUhEUgAAAAMAAAAEAgMAAAA2Q22UAAAADFBMVEX/AAAA/wAAAP8JCAei0mLAAAAABHRSTlMA/4D/G4olsQAAABBJREFUeJxjU\
        GDYwvSBaQcACAACgct7MUoAAAAASUVORK5CYII=
        """, shape: [4, 3, 3],
      pixels: [
        255, 0, 0, 0, 0, 255, 255, 0, 0, 0, 0, 255, 9, 8, 7, 0, 255, 0, 0, 0, 255, 0, 0, 255, 0, 255, 0, 0, 255, 0, 0,
        255,
        0, 9, 8, 7,
      ]),
    Sample(
      testDescription: "1-bit grey",
      file: "iVBORw0KGgoAAAANSUhEUgAAAAUAAAADAQAAAABzTfhVAAAADklEQVR4nGMQYLjBdAEAA7IBu/8YNqMAAAAASUVORK5CYII=",
      shape: [3, 5, 1], pixels: [0, 0, 0, 255, 0, 255, 255, 0, 255, 255, 255, 0, 255, 0, 255]),
    // 0, 128, 257, 32767, 32768, 65535 divided by 257.
    Sample(
      testDescription: "16-bit grey",
      file:
        "iVBORw0KGgoAAAANSUhEUgAAAAMAAAACEAAAAADoj+WFAAAAFklEQVR42mNgYGBoYGRkqP/fwPD/PwASEQR/oX346QAAAABJRU5ErkJggg==",
      shape: [2, 3, 1], pixels: [0, 0, 1, 127, 128, 255]),
    Sample(
      testDescription: "16-bit RGB",
      file: "iVBORw0KGgoAAAANSUhEUgAAAAIAAAABEAIAAAAr0DSeAAAAFUlEQVR42mNgYGBoYGSs/9/A8P8/ABGOBH812iJ4AAAAAElFTkSuQmCC",
      shape: [1, 2, 3], pixels: [0, 0, 1, 127, 128, 255]),
  ]

  private func decoded(_ base64: String) throws -> [UInt8] { Array(try #require(Data(base64Encoded: base64))) }

  @Test(arguments: samples) func readsEveryKindOfPNG(_ sample: Sample) throws {
    let file = try decoded(sample.file)
    let pixels = try decodeImage(file)
    #expect(pixels.shape == sample.shape)
    #expect(pixels.bytes == sample.pixels)
    let image = try #require(EncodedImage(recognising: file))
    #expect(try image.shape() == [sample.shape[2], sample.shape[0], sample.shape[1]])
  }

  @Test func readsAGreyJPEG() throws {
    let file = try decoded(
      """
      /9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAIBAQEBAQIBAQECAgICAgQDAgICAgUEBAMEBgUGBgYFBgYGBwkIBgcJBwYGCAsICQoKCgoKBggLDA\
      sKDAkKCgr/wAALCAAQABABAREA/8QAFQABAQAAAAAAAAAAAAAAAAAACQD/xAAZEAABBQAAAAAAAAAAAAAAAAAIACQ0QlH/2gAIAQEAAD8AN8bR\
      tjsMqkAG0bY7DKqG0bY7DKpABtG2Owyq/9k=
      """)
    let pixels = try decodeImage(file)
    #expect(pixels.shape == [16, 16, 1])
    for y in 0..<16 {
      for x in 0..<16 { #expect(abs(Int(pixels.bytes[16 * y + x]) - 8 * (x + y)) <= 2) }
    }
  }

  /// The file says that it is to be turned by 90°; it stays 8 rows of 16.
  @Test func doesNotTurnAnImageByItsEXIF() throws {
    let pixels = try decodeImage(
      decoded(
        """
        /9j/4AAQSkZJRgABAQAAAQABAAD/4QAiRXhpZgAATU0AKgAAAAgAAQESAAMAAAABAAYAAAAAAAD/2wBDAAIBAQEBAQIBAQECAgICAgQDAgICAgUEBAMEB\
        gUGBgYFBgYGBwkIBgcJBwYGCAsICQoKCgoKBggLDAsKDAkKCgr/wAALCAAIABABAREA/8QAFAABAAAAAAAAAAAAAAAAAAAACf/EABoQAAAHAAAAAAAAAAAA\
        AAAAAAAGCCM0QVH/2gAIAQEAAD8AKdLZIjM5QSBLZIjM5Q//2Q==
        """))
    #expect(pixels.shape == [8, 16, 1])
  }

  @Test func refusesCMYK() throws {
    let file = try decoded(
      """
      /9j/7gAOQWRvYmUAZAAAAAAA/9sAQwAoHB4jHhkoIyEjLSsoMDxkQTw3Nzx7WF1JZJGAmZaPgIyKoLTmw6Cq2q2KjMj/y9ru9f///5vB////+v/m/f/4/8AA\
      FAgACAAIBEMRAE0RAFkRAEsRAP/EABYAAQEBAAAAAAAAAAAAAAAAAAECA//EACIQAAEDBAICAwAAAAAAAAAAAAECETEDIUFhABIiUXGBkf/aAA4EQwBNAFkA\
      SwAAPwAqVenUE2BHbV3LN8RqeASupQSkOoO3oJl/r89czqLSUGp4OzJHUxcyM31PLS6UyELSfIJyc40LDc5//9k=
      """)
    let error = #expect(throws: DataError.self) { try decodeImage(file) }
    #expect(error?.description == "a damaged JPEG image (a CMYK image; only grey and RGB ones are read)")
  }

  /// 30 GB of pixels in 70 bytes.
  @Test func refusesABombBeforeTakingMemory() throws {
    let file = try decoded(
      "iVBORw0KGgoAAAANSUhEUgABhqAAAYagCAIAAAAnMJyfAAAAC0lEQVR42mNggAEAAAoAAewkA7kAAAAASUVORK5CYII=")
    let error = #expect(throws: DataError.self) { try decodeImage(file) }
    #expect(error?.problem == "an image of 100,000×100,000 pixels; at most 64,000,000 are allowed")
  }

  @Test(arguments: [(1, 1, 1), (5, 7, 3), (32, 32, 3), (28, 28, 1), (3, 200, 3)])
  func aPNGComesBackAsItWas(_ height: Int, _ width: Int, _ channels: Int) throws {
    let pixels = Pixels(
      height: height, width: width, channels: channels, bytes: noise(height * width * channels, seed: height))
    for level in [0, 1, 6, 9] {
      let file = encodePNG(pixels, compressionLevel: level)
      #expect(try decodeImage(file) == pixels)
      #expect(file == encodePNG(pixels, compressionLevel: level))
    }
  }

  @Test func everyCutAndManyFlippedBitsOfAPNGAreErrors() throws {
    let file = encodePNG(Pixels(height: 9, width: 9, channels: 3, bytes: noise(243, seed: 1)))
    for length in 0..<file.count {
      #expect(throws: DataError.self, "cut at \(length)") { try decodeImage(Array(file.prefix(length))) }
    }
    for position in 8..<file.count {
      var damaged = file
      damaged[position] ^= 0x04
      #expect(throws: DataError.self, "bit flipped at \(position)") { try decodeImage(damaged) }
    }
  }

  @Test func everyCutOfAJPEGIsAnError() throws {
    let samples = try all(openDataset([.file(fixture("shapes-folder.tar.gz"))]))
    let jpeg = try #require(
      samples.lazy.compactMap { sample in
        if case .encoded(let image) = sample.content, image.format == .jpg { image.bytes } else { nil }
      }.first)
    #expect(throws: Never.self) { try decodeImage(jpeg) }
    for length in stride(from: 0, to: jpeg.count - 1, by: 7) {
      #expect(throws: DataError.self, "cut at \(length)") { try decodeImage(Array(jpeg.prefix(length))) }
    }
  }

  @Test func floatsAreScaledRoundedAndClamped() throws {
    let array = FloatArray(shape: [3, 1, 2], values: [0, 1, 0.5, -3, 7, .nan])
    let sample = Datasets.Sample(key: "x", content: .floats(array), label: 0)
    #expect(try sample.pixels() == Pixels(height: 1, width: 2, channels: 3, bytes: [0, 128, 255, 255, 0, 0]))
  }
}
