import Datasets
import Foundation
import Testing

/// Every kind of image against the pixels that Pillow sees in it, and what becomes of each kind in a dataset.
@Suite struct ImageKindTests {
  struct Kind: Sendable, CustomTestStringConvertible {
    var name: String
    var file: [UInt8]
    var pixels: Pixels
    var testDescription: String { name }
  }

  /// The files of `fixtures/image-kinds.tar.gz`, which `Scripts/draw-image-kinds` draws.
  static let kinds: [Kind] = {
    var files: [String: [UInt8]] = [:]
    do {
      let archive = try ArchiveReader(ByteSource(.file(fixture("image-kinds.tar.gz"))))
      let reader = MemberReader(archive)
      while let member = try reader.next() { files[member.path] = try reader.readAll() }
    } catch {
      return []
    }
    return files.keys.filter { !$0.hasSuffix(".pixels") }.sorted().compactMap { name in
      guard let file = files[name], let pixels = files[name + ".pixels"].flatMap(plainPixels) else { return nil }
      return Kind(name: name, file: file, pixels: pixels)
    }
  }()

  /// A binary PGM or PPM file as Pillow writes it, read here without the reader that is tested.
  private static func plainPixels(_ file: [UInt8]) -> Pixels? {
    let head = file.split(separator: 0x0a, maxSplits: 3, omittingEmptySubsequences: false)
    guard head.count == 4 else { return nil }
    let size = String(decoding: head[1], as: UTF8.self).split(separator: " ").compactMap { Int($0) }
    let channels = head[0].elementsEqual("P6".utf8) ? 3 : 1
    guard size.count == 2, head[3].count == size[0] * size[1] * channels else { return nil }
    return Pixels(height: size[1], width: size[0], channels: channels, bytes: Array(head[3]))
  }

  @Test func `the fixture has every format`() throws {
    #expect(Self.kinds.count > 80)
    let formats = Set(Self.kinds.compactMap { EncodedImage(recognising: $0.file)?.format })
    #expect(formats == [.png, .jpg, .webp, .gif, .bmp, .tiff, .pnm])
  }

  @Test(arguments: kinds) func `shows what Pillow shows`(_ kind: Kind) throws {
    let image = try #require(EncodedImage(recognising: kind.file))
    let pixels = try decodeImage(image)
    #expect(pixels.shape == kind.pixels.shape)
    #expect(try image.shape() == [pixels.channels, pixels.height, pixels.width])
    // Decoders of JPEG may round differently, and Adobe's inks go through two roundings.
    let tolerance = image.format == .jpg ? 1 : 0
    let worst = zip(pixels.bytes, kind.pixels.bytes).map { abs(Int($0) - Int($1)) }.max() ?? 0
    #expect(worst <= tolerance)
  }

  /// What no reader could take for something else passes as it is; everything else becomes a PNG file with the same pixels.
  @Test(arguments: kinds) func `only plain PNG and JPEG files travel`(_ kind: Kind) throws {
    let plain = ["png-0-8", "png-2-8", "png-remark", "jpeg-"]
    let isPlain =
      plain.contains(where: kind.name.hasPrefix) && !kind.name.contains("CMYK") && !kind.name.contains("ycck")
    let samples = try read(tar([TestMember("a/x.bin", kind.file)]))
    switch samples[0].content {
    case .encoded(let image):
      #expect(isPlain)
      #expect(image.bytes == kind.file)
    case .pixels(let pixels):
      #expect(!isPlain)
      #expect(try pixels == decodeImage(kind.file))
    case .floats: Issue.record("floats")
    }
  }

  /// Of several frames or pages the first may be whole in the first half.
  @Test(arguments: kinds.filter { !$0.name.contains("frames") && !$0.name.contains("pages") })
  func `is refused where its first half was cut`(_ kind: Kind) throws {
    for length in Swift.stride(from: 0, to: kind.file.count / 2, by: max(1, kind.file.count / 40)) {
      #expect(throws: DataError.self, "cut at \(length)") { try decodeImage(Array(kind.file.prefix(length))) }
    }
  }

  // MARK: What libraries only warn of

  /// A TIFF file of one strip: tags with one short number or, for the colours, 768 of them, and what follows the tags.
  private func tiff(_ tags: [(Int, Int)], _ rest: [UInt8]) -> [UInt8] {
    func short(_ value: Int) -> [UInt8] { [UInt8(value & 255), UInt8(value >> 8)] }
    let entries = tags.flatMap { tag, value -> [UInt8] in
      short(tag) + short(3) + short(tag == 320 ? 768 : 1) + short(0) + short(value) + short(0)
    }
    return Array("II*\0".utf8) + [8, 0, 0, 0] + short(tags.count) + entries + [0, 0, 0, 0] + rest
  }

  /// Without its colours libtiff calls such an image a grey one.
  @Test func `a TIFF file that lost its palette is refused`() throws {
    var colours = [UInt8](repeating: 0, count: 2 * 768)
    // The first colour is red, the second blue.
    for place in [1, 512 + 2] { (colours[2 * place], colours[2 * place + 1]) = (255, 255) }
    let place = 8 + 2 + 10 * 12 + 4
    let tags = [
      (256, 2), (257, 1), (258, 8), (259, 1), (262, 3), (273, place), (277, 1), (278, 1), (279, 2), (320, place + 2),
    ]
    let file = tiff(tags, [1, 2] + colours)
    #expect(try decodeImage(file) == Pixels(height: 1, width: 2, channels: 3, bytes: [255, 0, 0, 0, 0, 255]))
    for damaged in [Array(file.dropLast()), tiff(Array(tags.dropLast()) + [(65_000, 1)], [1, 2] + colours)] {
      let error = #expect(throws: DataError.self) { try decodeImage(damaged) }
      #expect(error?.problem == "a damaged TIFF image (its palette is missing or cut short)")
    }
  }

  /// libtiff drops what goes beyond the strip, with a warning.
  @Test func `a TIFF file whose runs of pixels are too long is refused`() throws {
    func file(_ run: UInt8) -> [UInt8] {
      let tags = [
        (256, 4), (257, 1), (258, 8), (259, 32_773), (262, 1), (273, 8 + 2 + 9 * 12 + 4), (277, 1), (278, 1), (279, 2),
      ]
      return tiff(tags, [run, 5])
    }
    #expect(try decodeImage(file(0xfd)).bytes == [5, 5, 5, 5])
    #expect(throws: DataError.self) { try decodeImage(file(0xf9)) }
  }

  /// libjpeg passes over what it did not need.
  @Test(arguments: kinds.filter { $0.name.hasPrefix("jpeg-") })
  func `data that a JPEG scan did not use is damage, and padding is not`(_ kind: Kind) throws {
    let pixels = try decodeImage(kind.file)
    let end = kind.file.count - 2
    #expect(kind.file[end...] == [0xff, 0xd9])
    func with(_ bytes: [UInt8], at place: Int) -> [UInt8] {
      Array(kind.file[..<place]) + bytes + Array(kind.file[place...])
    }
    let data = (1...40).map { UInt8($0) }
    #expect(throws: DataError.self) { try decodeImage(with(data, at: end)) }
    for padding in [[UInt8](repeating: 0, count: 40), [UInt8](repeating: 0xff, count: 9), [1, 2, 3], [7]] {
      #expect(try decodeImage(with(padding, at: end)) == pixels)
    }
    // Between the segments of the header, after the first one.
    let size = Int(kind.file[4]) << 8 + Int(kind.file[5])
    #expect(try decodeImage(with(data, at: 4 + size)) == pixels)
  }

  // MARK: Bombs

  /// Headers of the largest images that each format can announce, in a few bytes.
  static let bombs: [(name: String, file: String)] = [
    ("webp", "52494646 1e000000 57454250 56503858 0a000000 00000000 ff3e00 ff3e00"),
    ("gif", "474946383961 ffffffff 800000 000000 090909 2c 00000000 01000100 00 02 02 4401 00 3b"),
    (
      "tiff",
      "49492a00 08000000 0500 00010400 01000000 a0860100 01010400 01000000 a0860100 06010300 01000000 01000000"
        + "11010400 01000000 08000000 17010400 01000000 01000000 00000000"
    ),
    (
      "bmp",
      "424d 00000000 00000000 3e000000 28000000 00000200 00000200 0100 0800 01000000 00000000 00000000 00000000 02000000 00000000"
        + "00000000 01010101 0001"
    ),
  ]

  @Test(arguments: bombs)
  func `a small file that asks for much memory is refused by its header`(_ name: String, _ file: String) {
    let digits = Array(file.filter { $0 != " " })
    let bytes = Swift.stride(from: 0, to: digits.count, by: 2).compactMap {
      UInt8(String(digits[$0...($0 + 1)]), radix: 16)
    }
    let error = #expect(throws: DataError.self) { try decodeImage(bytes) }
    #expect(error?.problem.hasSuffix("at most 64,000,000 are allowed") == true)
  }

  @Test func `a header without pixels takes no memory`() {
    for magic in 1...6 {
      let file = Array("P\(magic)\n8000 8000\n\(magic == 1 || magic == 4 ? "" : "255\n")".utf8) + [1, 2, 3]
      let error = #expect(throws: DataError.self) { try decodeImage(file) }
      #expect(error?.problem == "a damaged PNM image (it ends in the middle of the image)")
    }
  }

  /// The files that fuzzing starts from (`Scripts/fuzz`), as they are and with bytes changed, cut out and doubled.
  @Test(arguments: ["png", "jpeg", "webp", "gif", "bmp", "tiff", "pnm"])
  func `changed files are decoded or refused`(_ format: String) throws {
    let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../Fuzzing/corpus/\(format)")
    let files = try FileManager.default.contentsOfDirectory(at: folder.standardized, includingPropertiesForKeys: nil)
    #expect(files.count >= 4)
    var random = SystemIndependentRandom(seed: 7)
    for file in files.sorted(by: { $0.path < $1.path }) {
      let original = Array(try Data(contentsOf: file))
      for round in 0..<60 {
        var bytes = original
        for _ in 0..<round % 4 where !bytes.isEmpty {
          let place = random.number(below: bytes.count)
          switch random.number(below: 3) {
          case 0: bytes[place] = UInt8(random.number(below: 256))
          case 1: bytes.removeSubrange(place..<min(bytes.count, place + 1 + random.number(below: 8)))
          default: bytes.insert(contentsOf: bytes[place..<min(bytes.count, place + 4)], at: place)
          }
        }
        do throws(DataError) {
          let pixels = try decodeImage(bytes, limits: Limits(maxPixels: 1 << 16))
          #expect(pixels.height * pixels.width <= 1 << 16)
        } catch {
          #expect(error.fault == .badInput)
        }
      }
    }
  }

  // MARK: Orientation

  /// 2×3 pixels as each orientation stores them; upright they count 1, 2, 3 in the first row.
  @Test(arguments: [
    (1, 3, [1, 2, 3, 4, 5, 6]), (2, 3, [3, 2, 1, 6, 5, 4]), (3, 3, [6, 5, 4, 3, 2, 1]), (4, 3, [4, 5, 6, 1, 2, 3]),
    (5, 2, [1, 4, 2, 5, 3, 6]), (6, 2, [3, 6, 2, 5, 1, 4]), (7, 2, [6, 3, 5, 2, 4, 1]), (8, 2, [4, 1, 5, 2, 6, 3]),
  ]) func `a turned image is turned upright where that is asked`(_ orientation: UInt8, _ width: Int, _ stored: [UInt8])
    throws
  {
    let entry: [UInt8] = [0x12, 1, 3, 0, 1, 0, 0, 0, orientation, 0, 0, 0]
    let exif: [UInt8] = Array("II*\0".utf8) + [8, 0, 0, 0, 1, 0] + entry + [0, 0, 0, 0]
    let plain = encodePNG(Pixels(height: 6 / width, width: width, channels: 1, bytes: stored))
    let file = plain[..<33] + pngChunk("eXIf", exif) + plain[33...]
    let archive = tar([TestMember("a/x.png", Array(file))])
    let untouched = try read(archive)
    #expect(untouched[0].content == .encoded(EncodedImage(format: .png, bytes: Array(file))))
    let source = try openDataset(
      from: ByteSource(bytes: archive, name: "x"), options: ReadOptions(exifRotate: true))
    #expect(source.info.shape == [1, 2, 3])
    let sample = try #require(try source.next())
    #expect(try sample.pixels() == Pixels(height: 2, width: 3, channels: 1, bytes: [1, 2, 3, 4, 5, 6]))
    #expect(try source.next() == nil)
  }

  @Test func `the log counts what was converted and what is turned`() throws {
    let wanted = [
      "png-6-8-0.png", "gif-palette.gif", "jpeg-CMYK.jpg", "jpeg-exif.jpg", "webp-frames.webp", "png-2-8-0.png",
    ]
    let members = wanted.compactMap { name in
      Self.kinds.first { $0.name == name }.map { TestMember("a/\(name)", $0.file) }
    }
    #expect(members.count == wanted.count)
    var notes: [String] = []
    let source = try openDataset(from: ByteSource(bytes: tar(members), name: "x"), log: { notes.append($0) })
    while try source.next() != nil {}
    #expect(
      notes.dropFirst() == [
        "x: 4 images are converted to PNG of 8-bit grey or RGB: 1 WebP, 1 GIF, 1 in CMYK, 1 whose transparency is dropped, "
          + "1 of which only the first frame or page is read",
        "x: 1 image has an EXIF orientation and is read as stored; --exif-rotate turns it upright",
      ])
  }

  // MARK: What stands beside the pixels

  @Test(arguments: [
    ("a text whose checksum is wrong", pngChunk("tEXt", Array("a\0b".utf8), checksum: 1), false),
    ("a text", pngChunk("tEXt", Array("a\0b".utf8)), true),
    ("a resolution of the wrong length", pngChunk("pHYs", [0, 0, 0, 1]), false),
    ("an animation", pngChunk("acTL", [0, 0, 0, 2, 0, 0, 0, 0]), false),
    ("a private chunk", pngChunk("prVt", [1, 2, 3]), true),
  ]) func `a PNG file with doubtful chunks is written anew`(_ name: String, _ side: [UInt8], _ travels: Bool) throws {
    let pixels = Pixels(height: 2, width: 2, channels: 1, bytes: [1, 2, 3, 4])
    let plain = encodePNG(pixels)
    for place in [33, plain.count - 12] {
      let file = Array(plain[..<place] + side + plain[place...])
      let samples = try read(tar([TestMember("a/x.png", file)]))
      #expect(samples[0].content == (travels ? .encoded(EncodedImage(format: .png, bytes: file)) : .pixels(pixels)))
    }
  }

  @Test func `a grey JPEG among colour ones travels as it is`() throws {
    let grey = try #require(Self.kinds.first { $0.name == "jpeg-L.jpg" }).file
    let colour = try #require(Self.kinds.first { $0.name == "jpeg-RGB.jpg" }).file
    let source = try openDataset(
      from: ByteSource(bytes: tar([TestMember("a/1.jpg", grey), TestMember("b/2.jpg", colour)]), name: "x"))
    #expect(source.info.shape == [3, 24, 32])
    let sample = try #require(try source.next())
    #expect(sample.content == .encoded(EncodedImage(format: .jpg, bytes: grey)))
    let unified = try sample.unified(toChannels: 3).pixels()
    #expect(unified.channels == 3)
    #expect(unified.bytes.enumerated().allSatisfy { $1 == unified.bytes[$0 / 3 * 3] })
    #expect(try sample.unified(toChannels: 1) == sample)
  }

  // MARK: Names

  @Test func `images are known by their first bytes`() throws {
    let png = encodePNG(Pixels(height: 1, width: 1, channels: 1, bytes: [7]))
    let members = ["a/1", "a/2.jfif", "a/3.JPE", "a/4.dat", "a/notes.txt"].map {
      TestMember($0, $0.hasSuffix("txt") ? Array("P1 is a list".utf8) : png)
    }
    let samples = try read(tar(members + [TestMember("b/5.png", png)]))
    #expect(samples.map(\.origin) == ["a/1", "a/2.jfif", "a/3.JPE", "a/4.dat", "b/5.png"])
  }

  @Test(arguments: [
    ("", "an empty file instead of an image"),
    ("<!DOCTYPE html><p>gone", "a web page instead of an image, as a server sends it where there is no such file"),
    ("version https://git-lfs.github.com/spec/v1\n", "a pointer of Git LFS instead of an image"),
    ("\0\0\0\u{18}ftypheic", "an image in the format HEIC, which is not read"),
    ("\0\0\0\0\0", "a file of 5 zeros instead of an image, as a failed copy leaves it"),
    ("hello", "not an image of a known format: it starts with 68 65 6c 6c 6f"),
  ]) func `what is no image is named`(_ text: String, _ problem: String) {
    let error = #expect(throws: DataError.self) { try decodeImage(Array(text.utf8)) }
    #expect(error?.problem == problem)
  }
}

/// Numbers that are the same in every run.
private struct SystemIndependentRandom {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func number(below limit: Int) -> Int {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return Int(state >> 33) % limit
  }
}

/// A PNG chunk; `checksum` is added to the right one.
private func pngChunk(_ kind: String, _ data: [UInt8], checksum: UInt32 = 0) -> [UInt8] {
  var sum: UInt32 = .max
  let body = Array(kind.utf8) + data
  for byte in body {
    sum ^= UInt32(byte)
    for _ in 0..<8 { sum = sum >> 1 ^ (sum & 1 == 1 ? 0xedb8_8320 : 0) }
  }
  func bytes(_ value: UInt32) -> [UInt8] { [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> $0) } }
  return bytes(UInt32(data.count)) + body + bytes(~sum &+ checksum)
}
