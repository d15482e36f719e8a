/// The header of a NumPy array file: element type and extents, without the elements.
struct NPYHeader: Equatable {
  /// The element types that are read; little-endian where they have more than one byte.
  enum Element: String, CaseIterable {
    case bool = "|b1"
    case uint8 = "|u1"
    case int8 = "|i1"
    case uint16 = "<u2"
    case int16 = "<i2"
    case uint32 = "<u4"
    case int32 = "<i4"
    case uint64 = "<u8"
    case int64 = "<i8"
    case float16 = "<f2"
    case float32 = "<f4"
    case float64 = "<f8"

    /// Bytes of one element.
    var size: Int {
      switch self {
      case .bool, .uint8, .int8: 1
      case .uint16, .int16, .float16: 2
      case .uint32, .int32, .float32: 4
      case .uint64, .int64, .float64: 8
      }
    }
    var isFloat: Bool { self == .float16 || self == .float32 || self == .float64 }
  }
  var element: Element
  var shape: [Int]
  /// Where the elements begin.
  var length: Int

  /// The number of elements; the extents' product was checked not to overflow.
  var count: Int { shape.reduce(1, *) }

  static let signature: [UInt8] = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59]
  private static let maxHeader = 1 << 16

  /// Reads the header from the front of a source.
  init(reading source: ByteSource) throws(DataError) {
    let length = try Self.length(of: try source.peek(12), name: source.name)
    let bytes = try source.peek(length)
    try self.init(bytes, length: length, name: source.name)
    var dropped = 0
    while dropped < length { dropped += try source.nextChunk(upTo: length - dropped).count }
  }

  /// Reads the header from the front of a file.
  init(of file: [UInt8], name: String) throws(DataError) {
    try self.init(file, length: try Self.length(of: file, name: name), name: name)
  }

  /// Reads the header of the member that a reader is at.
  init(of reader: MemberReader) throws(DataError) {
    let name = reader.place.joined(separator: ": ")
    let length = try Self.length(of: try reader.start(12), name: name)
    try self.init(try reader.start(length), length: length, name: name)
  }

  /// Where the elements begin, from the first 12 bytes.
  private static func length(of start: [UInt8], name: String) throws(DataError) -> Int {
    guard start.count >= 10, start.starts(with: Self.signature) else {
      throw DataError(.badInput, at: [name], "not an npy array: it starts with \(hex(Array(start.prefix(6))))")
    }
    let prefix = prefixLength(start)
    guard (1...3).contains(start[6]), start.count >= prefix else {
      throw DataError(.badInput, at: [name], "an npy array of format version \(start[6]); 1 to 3 are read")
    }
    let textLength = start[8..<prefix].reversed().reduce(0) { $0 << 8 | Int($1) }
    guard textLength <= Self.maxHeader else {
      throw DataError(.badInput, at: [name], "an npy header of \(grouped(textLength)) bytes")
    }
    return prefix + textLength
  }

  private static func prefixLength(_ start: [UInt8]) -> Int { start[6] == 1 ? 10 : 12 }

  /// Reads the header in the first `length` bytes.
  private init(_ bytes: [UInt8], length: Int, name: String) throws(DataError) {
    func damaged(_ problem: String) -> DataError { DataError(.badInput, at: [name], problem) }
    guard bytes.count >= length else { throw damaged("the input is cut short in the npy header") }
    var text = HeaderText(bytes[Self.prefixLength(bytes)..<length])
    guard let fields = text.dictionary() else {
      let shown = String(decoding: bytes[Self.prefixLength(bytes)..<length], as: UTF8.self)
      throw damaged("an npy header that cannot be understood: \(shown)")
    }
    if fields.descr.contains("O") {
      throw DataError(
        .badInput, at: [name], "an array of Python objects, which only unpickling could read",
        remedy: "save numbers, not objects")
    }
    if ["<U", "|S", ">U", "|U"].contains(String(fields.descr.prefix(2))) {
      throw DataError(
        .badInput, at: [name], "an array of texts (\(fields.descr)), not of numbers",
        remedy: "save class indices, as numpy.unique(labels, return_inverse=True)[1] gives them")
    }
    let normalised = fields.descr.hasPrefix("=") ? "<" + fields.descr.dropFirst() : fields.descr
    let plain = normalised.hasSuffix("1") ? "|" + normalised.dropFirst() : normalised
    guard let element = Element(rawValue: plain) else {
      throw damaged("elements of type \(fields.descr); integers, <f2, <f4 and <f8 are read")
    }
    guard !fields.isFortran || fields.shape.count < 2 else {
      throw DataError(
        .badInput, at: [name], "an array in Fortran order", remedy: "save numpy.ascontiguousarray of it")
    }
    var product = element.size
    for extent in fields.shape {
      let (next, overflow) = product.multipliedReportingOverflow(by: extent)
      guard !overflow else { throw damaged("an array of shape \(fields.shape), which no memory holds") }
      product = next
    }
    self.element = element
    shape = fields.shape
    self.length = length
  }

  /// The elements as floats, as they are: bytes are not scaled.
  func floats(_ bytes: UnsafeRawBufferPointer) -> [Float] {
    // Inlined, so that each element type has a loop of its own.
    @inline(__always)
    func convert<Value: BitwiseCopyable>(_ type: Value.Type, _ number: (Value) -> Float) -> [Float] {
      let total = bytes.count / MemoryLayout<Value>.size
      return [Float](unsafeUninitializedCapacity: total) { out, count in
        for index in 0..<total {
          out[index] = number(
            bytes.loadUnaligned(fromByteOffset: index &* MemoryLayout<Value>.size, as: Value.self))
        }
        count = total
      }
    }
    return switch element {
    case .bool, .uint8: convert(UInt8.self) { Float($0) }
    case .int8: convert(Int8.self) { Float($0) }
    case .uint16: convert(UInt16.self) { Float($0) }
    case .int16: convert(Int16.self) { Float($0) }
    case .uint32: convert(UInt32.self) { Float($0) }
    case .int32: convert(Int32.self) { Float($0) }
    case .uint64: convert(UInt64.self) { Float($0) }
    case .int64: convert(Int64.self) { Float($0) }
    case .float16: convert(UInt16.self, floatFromHalf)
    case .float32:
      [Float](unsafeUninitializedCapacity: bytes.count / 4) { out, count in
        count = bytes.count / 4
        UnsafeMutableRawBufferPointer(out).copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[..<(4 * count)]))
      }
    case .float64: convert(Double.self) { Float($0) }
    }
  }

  /// The elements as integers; nil for floats and for numbers that Int does not hold.
  func integers(_ bytes: UnsafeRawBufferPointer) -> [Int]? {
    func convert<Value: FixedWidthInteger & BitwiseCopyable>(_ type: Value.Type) -> [Int]? {
      var values: [Int] = []
      values.reserveCapacity(bytes.count / element.size)
      for offset in stride(from: 0, to: bytes.count, by: element.size) {
        guard let value = Int(exactly: bytes.loadUnaligned(fromByteOffset: offset, as: Value.self)) else { return nil }
        values.append(value)
      }
      return values
    }
    return switch element {
    case .bool, .uint8: convert(UInt8.self)
    case .int8: convert(Int8.self)
    case .uint16: convert(UInt16.self)
    case .int16: convert(Int16.self)
    case .uint32: convert(UInt32.self)
    case .int32: convert(Int32.self)
    case .uint64: convert(UInt64.self)
    case .int64: convert(Int64.self)
    case .float16, .float32, .float64: nil
    }
  }
}

/// The Python dictionary in an npy header: exactly its three keys, in any order, and nothing else.
private struct HeaderText {
  private var rest: ArraySlice<UInt8>

  init(_ bytes: ArraySlice<UInt8>) { rest = bytes }

  mutating func dictionary() -> (descr: String, isFortran: Bool, shape: [Int])? {
    var descr: String?
    var isFortran: Bool?
    var shape: [Int]?
    guard take("{") else { return nil }
    while !take("}") {
      guard let key = quoted(), take(":") else { return nil }
      switch key {
      case "descr":
        // A structured type is a list; it is no array of numbers.
        descr = quoted()
      case "fortran_order":
        isFortran = take("True") ? true : take("False") ? false : nil
      case "shape":
        shape = tuple()
      default: return nil
      }
      if !take(",") {
        guard take("}") else { return nil }
        break
      }
    }
    guard let descr, let isFortran, let shape else { return nil }
    return (descr, isFortran, shape)
  }

  private mutating func skipSpace() { rest = rest.drop { $0 == 0x20 || $0 == 0x0a } }

  private mutating func take(_ token: String) -> Bool {
    skipSpace()
    guard rest.starts(with: token.utf8) else { return false }
    rest = rest.dropFirst(token.utf8.count)
    return true
  }

  private mutating func quoted() -> String? {
    skipSpace()
    guard let quote = rest.first, quote == 0x27 || quote == 0x22 else { return nil }
    let body = rest.dropFirst().prefix { $0 != quote }
    guard body.endIndex < rest.endIndex else { return nil }
    rest = rest[(body.endIndex + 1)...]
    return String(decoding: body, as: UTF8.self)
  }

  private mutating func tuple() -> [Int]? {
    guard take("(") else { return nil }
    var extents: [Int] = []
    while !take(")") {
      skipSpace()
      let digits = rest.prefix { (0x30...0x39).contains($0) }
      guard let extent = Int(String(decoding: digits, as: UTF8.self)) else { return nil }
      rest = rest[digits.endIndex...]
      // Python 2 wrote long integers so.
      _ = take("L")
      extents.append(extent)
      if !take(",") {
        guard take(")") else { return nil }
        break
      }
    }
    return extents
  }
}

/// IEEE half to single precision; Swift's Float16 does not exist on every platform.
private func floatFromHalf(_ half: UInt16) -> Float {
  let sign = UInt32(half & 0x8000) << 16
  let exponent = UInt32(half >> 10) & 0x1f
  let fraction = UInt32(half & 0x3ff)
  switch exponent {
  case 0:
    let magnitude = Float(fraction) * 0x1p-24
    return sign == 0 ? magnitude : -magnitude
  case 31: return Float(bitPattern: sign | 0x7f80_0000 | fraction << 13)
  default: return Float(bitPattern: sign | (exponent + 112) << 23 | fraction << 13)
  }
}

/// Reads a whole npy file into floats; integers and bytes keep their value, nothing is scaled.
///
/// Throws `badInput` for anything but a plain array in C order: objects, structures, big-endian numbers, Fortran order, too
/// few or too many bytes.
public func parseNPY(_ bytes: [UInt8], name: String = "npy") throws(DataError) -> FloatArray {
  let header = try NPYHeader(of: bytes, name: name)
  try checkNPYSize(header, found: bytes.count - header.length, name: name)
  let values = bytes.withUnsafeBytes { header.floats(UnsafeRawBufferPointer(rebasing: $0[header.length...])) }
  return FloatArray(shape: header.shape, values: values)
}

/// Throws unless the file holds exactly the elements that its header announces.
func checkNPYSize(_ header: NPYHeader, found: Int, name: String) throws(DataError) {
  let expected = header.count * header.element.size
  guard found == expected else {
    throw DataError(
      .badInput, at: [name],
      "\(grouped(found)) bytes of elements, but shape \(header.shape) takes \(grouped(expected))"
        + (found < expected ? "; the input is cut short" : ""))
  }
}

/// An npy file of float32: version 1.0, C order, the header padded so that the elements begin at byte 128.
///
/// Readers such as DALI rely on the fixed place; a shape too long for it moves them on by 64 bytes.
public func npyBytes(_ array: FloatArray) -> [UInt8] {
  var bytes = npyHeader("<f4", shape: array.shape)
  bytes.reserveCapacity(bytes.count + 4 * array.values.count)
  array.values.withUnsafeBytes { bytes.append(contentsOf: $0) }
  return bytes
}

/// What comes before the elements of an npy file: version 1.0, C order, 128 bytes or, for a long shape, 64 more.
///
/// - Parameter element: their type as NumPy writes it: `<f4`, `|u1`.
public func npyHeader(_ element: String, shape: [Int]) -> [UInt8] {
  let extents = shape.map(String.init).joined(separator: ", ")
  let tuple = shape.count == 1 ? "(\(extents),)" : "(\(extents))"
  var text = Array("{'descr': '\(element)', 'fortran_order': False, 'shape': \(tuple), }".utf8)
  let prefix = NPYHeader.signature.count + 4
  let length = max(128, (prefix + text.count + 1 + 63) / 64 * 64)
  text += [UInt8](repeating: 0x20, count: length - prefix - text.count - 1) + [0x0a]
  return NPYHeader.signature + [1, 0, UInt8(text.count & 0xff), UInt8(text.count >> 8)] + text
}
