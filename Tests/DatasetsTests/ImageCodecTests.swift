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

  @Test(arguments: samples) func `reads every kind of PNG`(_ sample: Sample) throws {
    let file = try decoded(sample.file)
    let pixels = try decodeImage(file)
    #expect(pixels.shape == sample.shape)
    #expect(pixels.bytes == sample.pixels)
    let image = try #require(EncodedImage(recognising: file))
    #expect(try image.shape() == [sample.shape[2], sample.shape[0], sample.shape[1]])
  }

  @Test func `reads a grey JPEG`() throws {
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
  @Test func `does not turn an image by its EXIF`() throws {
    let pixels = try decodeImage(
      decoded(
        """
        /9j/4AAQSkZJRgABAQAAAQABAAD/4QAiRXhpZgAATU0AKgAAAAgAAQESAAMAAAABAAYAAAAAAAD/2wBDAAIBAQEBAQIBAQECAgICAgQDAgICAgUEBAMEB\
        gUGBgYFBgYGBwkIBgcJBwYGCAsICQoKCgoKBggLDAsKDAkKCgr/wAALCAAIABABAREA/8QAFAABAAAAAAAAAAAAAAAAAAAACf/EABoQAAAHAAAAAAAAAAAA\
        AAAAAAAGCCM0QVH/2gAIAQEAAD8AKdLZIjM5QSBLZIjM5Q//2Q==
        """))
    #expect(pixels.shape == [8, 16, 1])
  }

  /// 30 GB of pixels in 70 bytes.
  @Test func `refuses a bomb before taking memory`() throws {
    let file = try decoded(
      "iVBORw0KGgoAAAANSUhEUgABhqAAAYagCAIAAAAnMJyfAAAAC0lEQVR42mNggAEAAAoAAewkA7kAAAAASUVORK5CYII=")
    let error = #expect(throws: DataError.self) { try decodeImage(file) }
    #expect(error?.problem == "an image of 100,000×100,000 pixels; at most 64,000,000 are allowed")
  }

  @Test(arguments: [(1, 1, 1), (5, 7, 3), (32, 32, 3), (28, 28, 1), (3, 200, 3)])
  func `a PNG comes back as it was`(_ height: Int, _ width: Int, _ channels: Int) throws {
    let pixels = Pixels(
      height: height, width: width, channels: channels, bytes: noise(height * width * channels, seed: height))
    for level in [0, 1, 6, 9] {
      let file = encodePNG(pixels, compressionLevel: level)
      #expect(try decodeImage(file) == pixels)
      #expect(file == encodePNG(pixels, compressionLevel: level))
    }
  }

  /// Both ways of reading a PNG: plain files go past libpng, and a chunk that says nothing about pixels sends them through it.
  @Test(arguments: [(1, 1, 1), (9, 9, 3), (32, 32, 3), (28, 28, 1)])
  func `a PNG is read alike in one chunk in several and with a remark`(_ height: Int, _ width: Int, _ channels: Int)
    throws
  {
    // Steps, noise and even ground, so that every filter is the best for some row.
    var bytes = noise(height * width * channels, seed: 3)
    for index in bytes.indices where (index / (width * channels)) % 3 != 0 {
      bytes[index] = index % 2 == 0 ? UInt8(index % 251) : bytes[max(0, index - channels)]
    }
    let pixels = Pixels(height: height, width: width, channels: channels, bytes: bytes)
    let file = encodePNG(pixels)
    let parts = chunks(file)
    #expect(parts.map(\.kind) == ["IHDR", "IDAT", "IEND"])
    #expect(parts.flatMap { chunk($0.kind, $0.data) } == Array(file[8...]), "every chunk has its checksum")
    let data = parts[1].data
    let split = [data.prefix(5), data.dropFirst(5).prefix(0), data.dropFirst(5)].flatMap { chunk("IDAT", Array($0)) }
    let head = Array(file[..<33])
    let end = chunk("IEND", [])
    #expect(try decodeImage(head + split + end) == pixels)
    let remark = chunk("tEXt", Array("a".utf8) + [0] + Array("b".utf8))
    #expect(try decodeImage(head + remark + chunk("IDAT", data) + end) == pixels)
    #expect(try decodeImage(head + split + remark + end) == pixels)
  }

  @Test func `a PNG with too few rows is an error and of too many the first are read`() throws {
    let bytes = noise(48, seed: 2)
    let file = encodePNG(Pixels(height: 4, width: 4, channels: 3, bytes: bytes))
    let data = chunks(file)[1].data
    for height in [3, 5] as [UInt8] {
      var header = Array(file[16..<29])
      header[7] = height
      let changed = file[..<8] + chunk("IHDR", header) + chunk("IDAT", data) + chunk("IEND", [])
      // libpng reads what it needs and warns of the rest; it must not read past it.
      if height == 5 { #expect(throws: DataError.self) { try decodeImage(Array(changed)) } }
      if height == 3 { #expect(try decodeImage(Array(changed)).bytes == Array(bytes[..<36])) }
    }
  }

  private func chunks(_ file: [UInt8]) -> [(kind: String, data: [UInt8])] {
    var found: [(String, [UInt8])] = []
    var position = 8
    while position + 12 <= file.count {
      let size = file[position..<position + 4].reduce(0) { $0 << 8 | Int($1) }
      let kind = String(decoding: file[position + 4..<position + 8], as: UTF8.self)
      found.append((kind, Array(file[position + 8..<position + 8 + size])))
      position += 12 + size
    }
    return found
  }

  private func chunk(_ kind: String, _ data: [UInt8]) -> [UInt8] {
    func number(_ value: UInt32) -> [UInt8] { [24, 16, 8, 0].map { UInt8(value >> $0 & 0xff) } }
    let body = Array(kind.utf8) + data
    var sum: UInt32 = 0xffff_ffff
    for byte in body {
      sum ^= UInt32(byte)
      for _ in 0..<8 { sum = sum & 1 == 1 ? 0xedb8_8320 ^ sum >> 1 : sum >> 1 }
    }
    return number(UInt32(data.count)) + body + number(~sum)
  }

  @Test func `every cut and many flipped bits of a PNG are errors`() throws {
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

  /// What a thread keeps between images must not be what is left of a damaged one.
  @Test func `after a damaged JPEG the next one is read as before`() throws {
    let samples = try all(openDataset([.file(fixture("shapes-folder.tar.gz"))]))
    let jpegs = samples.compactMap { sample in
      if case .encoded(let image) = sample.content, image.format == .jpg { image.bytes } else { nil }
    }
    let (first, second) = (try #require(jpegs.first), try #require(jpegs.last))
    let expected = try decodeImage(second)
    for length in [3, 20, 100, first.count / 2, first.count - 2] {
      #expect(throws: DataError.self) { try decodeImage(Array(first.prefix(length))) }
      #expect(try decodeImage(second) == expected)
    }
  }

  /// libjpeg keeps tables between images: one that lost its own must not be decoded with those of the image before.
  @Test func `a JPEG without its tables is an error also after a sound one`() throws {
    let samples = try all(openDataset([.file(fixture("shapes-folder.tar.gz"))]))
    let jpeg = try #require(
      samples.lazy.compactMap { sample in
        if case .encoded(let image) = sample.content, image.format == .jpg { image.bytes } else { nil }
      }.first)
    for marker in [0xDB, 0xC4] as [UInt8] {
      var stripped = Array(jpeg[..<2])
      var position = 2
      while jpeg[position + 1] != 0xDA {
        let size = 2 + Int(jpeg[position + 2]) << 8 + Int(jpeg[position + 3])
        if jpeg[position + 1] != marker { stripped += jpeg[position..<position + size] }
        position += size
      }
      stripped += jpeg[position...]
      #expect(stripped.count < jpeg.count)
      // Without its Huffman tables an image has the standard ones.
      if marker == 0xC4 {
        let alone = try? decodeImage(stripped)
        _ = try decodeImage(jpeg)
        let behind = try? decodeImage(stripped)
        #expect(behind == alone)
      } else {
        _ = try decodeImage(jpeg)
        #expect(throws: DataError.self) { try decodeImage(stripped) }
      }
    }
  }

  @Test func `every cut of a JPEG is an error`() throws {
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

  @Test func `floats are scaled rounded and clamped`() throws {
    let array = FloatArray(shape: [3, 1, 2], values: [0, 1, 0.5, -3, 7, .nan])
    let sample = Datasets.Sample(key: "x", content: .floats(array), label: 0)
    #expect(try sample.pixels() == Pixels(height: 1, width: 2, channels: 3, bytes: [0, 128, 255, 255, 0, 0]))
  }
}
