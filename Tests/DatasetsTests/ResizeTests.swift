import Testing

@testable import Datasets

@Suite struct ResizeTests {
  struct Case: Sendable {
    var from: [Int]
    var to: [Int]
    var seed: Int
    var expected: [UInt8]
  }

  /// Image.resize(…, BILINEAR) of Pillow 13.0.0 on the same noise.
  static let cases = [
    Case(
      from: [7, 5, 3], to: [3, 4], seed: 1,
      expected: [
        125, 80, 172, 118, 126, 129, 177, 124, 131, 120, 101, 152, 135, 82, 120, 140, 108, 128, 138, 136, 139, 127, 159,
        121,
        142, 157, 75, 131, 122, 147, 122, 160, 132, 145, 152, 68,
      ]),
    Case(
      from: [3, 4, 1], to: [5, 9], seed: 2,
      expected: [
        140, 122, 75, 45, 144, 243, 200, 138, 114, 179, 166, 135, 109, 134, 160, 160, 157, 155, 237, 233, 224, 204, 120,
        35,
        99, 185, 217, 142, 134, 115, 97, 98, 99, 98, 99, 98, 78, 68, 42, 26, 84, 142, 98, 41, 19,
      ]),
    Case(
      from: [40, 31, 1], to: [3, 5], seed: 3,
      expected: [119, 123, 131, 126, 130, 127, 123, 130, 130, 124, 141, 136, 145, 138, 121]),
    Case(
      from: [9, 9, 3], to: [9, 4], seed: 4,
      expected: [
        90, 88, 168, 115, 81, 105, 180, 134, 99, 157, 155, 21, 182, 197, 178, 150, 177, 87, 66, 108, 41, 159, 106, 93,
        89,
        147, 111, 85, 182, 89, 124, 144, 143, 157, 153, 153, 113, 205, 69, 98, 134, 80, 122, 139, 74, 154, 176, 89, 107,
        128,
        98, 151, 135, 143, 128, 69, 110, 87, 53, 64, 98, 93, 97, 99, 171, 66, 80, 113, 53, 106, 186, 47, 218, 69, 127,
        108,
        81, 123, 67, 86, 131, 43, 156, 111, 178, 163, 147, 199, 164, 155, 174, 142, 183, 196, 193, 96, 172, 116, 180,
        100,
        145, 109, 121, 169, 69, 113, 179, 101,
      ]),
  ]

  @Test(arguments: cases) func `agrees with Pillow to within one level`(_ test: Case) {
    let count = test.from.reduce(1, *)
    let image = Pixels(
      height: test.from[0], width: test.from[1], channels: test.from[2], bytes: noise(count, seed: test.seed))
    let result = resized(image, toHeight: test.to[0], width: test.to[1])
    #expect(result.shape == test.to + [test.from[2]])
    let worst = zip(result.bytes, test.expected).map { abs(Int($0) - Int($1)) }.max() ?? 255
    #expect(worst <= 1)
  }

  @Test func `the same size changes nothing and a plain image stays plain`() {
    let image = Pixels(height: 5, width: 4, channels: 3, bytes: noise(60, seed: 9))
    #expect(resized(image, toHeight: 5, width: 4) == image)
    let plain = Pixels(height: 13, width: 7, channels: 1, bytes: [UInt8](repeating: 201, count: 91))
    #expect(resized(plain, toHeight: 4, width: 29).bytes == [UInt8](repeating: 201, count: 116))
  }

  @Test func `halving is the mean below a triangle`() {
    // Weights of a triangle of half width 2 at distances 0.5 and 1.5: 3/8, 3/8, 1/8, 1/8, cut off at the border.
    let image = Pixels(height: 1, width: 8, channels: 1, bytes: [0, 0, 0, 80, 160, 0, 0, 0])
    #expect(resized(image, toHeight: 1, width: 4).bytes == [0, 50, 70, 0])
  }

  /// Sizes that leave rests of every kind: odd rows, one column, fewer columns than a register holds.
  @Test(arguments: [[7, 5, 3], [3, 40, 3], [41, 33, 3], [40, 31, 1], [1, 1, 3], [64, 17, 3], [5, 200, 1]])
  func `wide instructions change nothing`(_ from: [Int]) {
    let image = Pixels(
      height: from[0], width: from[1], channels: from[2], bytes: noise(from.reduce(1, *), seed: from[1]))
    for (height, width) in [(3, 4), (16, 16), (9, 31), (50, 48), (1, 1)] {
      func result(_ wide: Bool) -> Pixels {
        resized(image, toHeight: height, width: width, rows: 0..<height, columns: 0..<width, wide: wide)
      }
      // Where the processor has none, both are the same.
      #expect(result(false) == resized(image, toHeight: height, width: width))
    }
  }

  @Test func `a window of a resized image is that part of the whole`() {
    let image = Pixels(height: 37, width: 29, channels: 3, bytes: noise(37 * 29 * 3, seed: 5))
    for (height, width) in [(16, 12), (37, 12), (16, 29), (37, 29), (60, 44)] {
      let side = min(height, width) - 3
      let part = resized(
        image, toHeight: height, width: width, rows: middle(side, of: height), columns: middle(side, of: width))
      #expect(part == centerCropped(resized(image, toHeight: height, width: width), side: side))
    }
  }

  @Test func `the crop is the middle`() {
    let image = Pixels(height: 4, width: 5, channels: 1, bytes: Array(0..<20))
    #expect(centerCropped(image, side: 2).bytes == [7, 8, 12, 13])
    #expect(centerCropped(image, side: 4).bytes == [0, 1, 2, 3, 5, 6, 7, 8, 10, 11, 12, 13, 15, 16, 17, 18])
  }
}
