import Datasets
import Shards
import Testing

@Suite struct ContactSheetTests {
  /// Samples in memory.
  private final class Source: SampleSource {
    let info: DatasetInfo
    private var rest: ArraySlice<Sample>

    init(_ samples: [Sample], info: DatasetInfo = exampleInfo) {
      self.info = info
      rest = samples[...]
    }

    func next() -> Sample? { rest.popFirst() }
  }

  @Test func `rows are classes, columns their first images, enlarged`() throws {
    let samples = examplePixels(7)  // 3 of class 0, 2 of the others; 6 rows, 5 columns
    let sheet = try contactSheet(of: Source(samples), perClass: 2, scale: 3, names: false)
    // Images of 18 by 15 with gaps of 3 around them.
    #expect(sheet.height == 66)
    #expect(sheet.width == 39)
    #expect(sheet.channels == 3)
    for (index, sample) in samples.prefix(6).enumerated() {
      let image = try sample.pixels(limits: Limits())
      for (y, x) in [(0, 0), (5, 4), (2, 3)] {
        for offset in [0, 2] {
          let top = 3 + sample.label * 21 + y * 3 + offset
          let left = 3 + index / 3 * 18 + x * 3 + offset
          let found = sheet.bytes[(top * sheet.width + left) * 3..<(top * sheet.width + left) * 3 + 3]
          #expect(found.elementsEqual(image.bytes[(y * 5 + x) * 3..<(y * 5 + x) * 3 + 3]))
        }
      }
    }
  }

  @Test func `names take room on the left and leave the images as they are`() throws {
    let plain = try contactSheet(of: Source(exampleFloats(6)), perClass: 2, scale: 2, names: false)
    let named = try contactSheet(of: Source(exampleFloats(6)), perClass: 2, scale: 2)
    #expect(named.height == plain.height)
    let extra = named.width - plain.width
    #expect(extra > 0)
    for y in 0..<plain.height {
      let row = named.bytes[(y * named.width + extra) * 3..<(y + 1) * named.width * 3]
      #expect(row.elementsEqual(plain.bytes[y * plain.width * 3..<(y + 1) * plain.width * 3]))
    }
    #expect(named.bytes.contains(0))
  }

  @Test func `a class with fewer images has a shorter row, and latents have no sheet`() throws {
    let sheet = try contactSheet(of: Source(Array(examplePixels(4))), perClass: 2, names: false)
    #expect(sheet.bytes.suffix(3 * 8).allSatisfy { $0 == 255 })
    var latents = exampleInfo
    latents.kind = .latents
    #expect(throws: DataError.self) { try contactSheet(of: Source(exampleFloats(3), info: latents), perClass: 1) }
    #expect(throws: DataError.self) { try contactSheet(of: Source([]), perClass: 1) }
    // A picture of terabytes is refused before memory is taken for it.
    let error = #expect(throws: DataError.self) {
      try contactSheet(of: Source(exampleFloats(3)), perClass: 1, scale: 100_000)
    }
    #expect(error?.fault == .usage && error?.remedy?.contains("--scale") == true)
  }
}
