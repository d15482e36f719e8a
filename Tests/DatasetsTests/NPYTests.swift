import Datasets
import Testing

@Suite struct NPYTests {
  @Test(arguments: [
    ([], "()"), ([3], "(3,)"), ([2, 3], "(2, 3)"), ([1, 28, 28], "(1, 28, 28)"), ([2, 0], "(2, 0)"),
  ])
  func `writes the header that NumPy writes`(_ shape: [Int], _ tuple: String) throws {
    let count = shape.reduce(1, *)
    let file = npyBytes(FloatArray(shape: shape, values: (0..<count).map { Float($0) - 0.5 }))
    // numpy.save of the same array begins with exactly these 128 bytes.
    let text = "{'descr': '<f4', 'fortran_order': False, 'shape': \(tuple), }"
    let header = text + String(repeating: " ", count: 117 - text.utf8.count) + "\n"
    #expect(Array(file.prefix(128)) == [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, 118, 0] + Array(header.utf8))
    #expect(file.count == 128 + 4 * count)
    #expect(try parseNPY(file) == FloatArray(shape: shape, values: (0..<count).map { Float($0) - 0.5 }))
  }

  @Test func `reads every number`() throws {
    let cases: [(String, [UInt8], Float)] = [
      ("|b1", [1], 1), ("|u1", [200], 200), ("|i1", [0xff], -1), ("<u2", [1, 2], 513), ("<i2", [0xfe, 0xff], -2),
      ("<u4", [1, 0, 1, 0], 65537), ("<i4", [0xff, 0xff, 0xff, 0xff], -1), ("<u8", [9, 0, 0, 0, 0, 0, 0, 0], 9),
      ("<i8", [0xfd, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], -3), ("<f2", [0, 0x3e], 1.5),
      ("<f2", [1, 0x80], -0x1p-24),
      ("<f4", [0, 0, 0x20, 0xc1], -10), ("<f8", [0, 0, 0, 0, 0, 0, 0xe0, 0x3f], 0.5), ("=f4", [0, 0, 0x80, 0x3f], 1),
    ]
    for (type, bytes, value) in cases {
      #expect(
        try parseNPY(array(type: type, shape: "(1,)", bytes)) == FloatArray(shape: [1], values: [value]), "\(type)")
    }
  }

  private func problem(_ bytes: [UInt8]) -> String? {
    do { _ = try parseNPY(bytes) } catch { return error.description }
    return nil
  }

  @Test func `refuses what it cannot read`() {
    #expect(
      problem(array(type: "|O", shape: "(1,)", [0]))
        == "npy: an array of Python objects, which only unpickling could read; save numbers, not objects")
    #expect(
      problem(array(type: "<f4", shape: "(2, 2)", order: "True", [UInt8](repeating: 0, count: 16)))
        == "npy: an array in Fortran order; save numpy.ascontiguousarray of it")
    #expect(
      problem(array(type: ">f4", shape: "(1,)", [0, 0, 0, 0]))
        == "npy: elements of type >f4; integers, <f2, <f4 and <f8 are read")
    #expect(
      problem(array(type: "<f4", shape: "(2,)", [0, 0, 0, 0]))
        == "npy: 4 bytes of elements, but shape [2] takes 8; the input is cut short")
    #expect(problem(array(type: "|u1", shape: "(1,)", [0, 0])) == "npy: 2 bytes of elements, but shape [1] takes 1")
    #expect(problem(array(type: "<f8", shape: "(4294967296, 4294967296)", [])) != nil)
    #expect(problem(array(type: "<f4", shape: "(-1,)", [])) != nil)
    #expect(problem(Array("PK".utf8)) == "npy: not an npy array: it starts with 50 4b")
    let whole = npyBytes(FloatArray(shape: [2], values: [1, 2]))
    for length in 0..<whole.count { #expect(problem(Array(whole.prefix(length))) != nil, "cut at \(length)") }
  }
}
