/// Reads the pickles of CIFAR's python version: dictionaries of lists, strings, numbers and NumPy's arrays and numbers.
///
/// This is no unpickler. A pickle is a program; this one knows only the instructions that build such values, and of all
/// functions only the few that NumPy's arrays and numbers are made with, which it replaces by its own. Anything else is refused by
/// name, so that no input can make it run, import or build anything.
struct Pickle {
  /// What a pickle can hold here.
  indirect enum Value {
    case none
    case bool(Bool)
    case integer(Int)
    case bytes(ArraySlice<UInt8>)
    case text(String)
    case tuple([Value])
    case list(List)
    case dictionary(List)
    case function(String)
    case array(Array)
    case elementType(ElementType)
    case mark
  }

  /// Lists and dictionaries (keys and values in turn) are filled after they were memoised, so they are shared.
  final class List {
    var items: [Value] = []
  }

  /// The type of a NumPy array's elements; its state, which has the byte order, comes after it was memoised.
  final class ElementType {
    /// Such as `u1` or `i8`.
    let name: String
    var isBigEndian: Bool

    init(_ name: String) {
      isBigEndian = name.hasPrefix(">")
      self.name = String(name.drop { "<>|=".contains($0) })
    }
  }

  /// A NumPy array in C order.
  final class Array {
    var shape: [Int] = []
    var elementType = ElementType("")
    var bytes: ArraySlice<UInt8> = []
  }

  private let bytes: [UInt8]
  private let place: [String]
  private var position = 0
  private var stack: [Value] = []
  private var memo: [Int: Value] = [:]
  private var containers = 0
  private static let maxContainers = 1000

  /// The dictionary that a pickle holds, its keys as text.
  static func dictionary(_ bytes: [UInt8], place: [String]) throws(DataError) -> [String: Value] {
    var pickle = Pickle(bytes: bytes, place: place)
    guard case .dictionary(let list) = try pickle.run() else {
      throw pickle.error("a pickle that holds no dictionary")
    }
    var fields: [String: Value] = [:]
    for index in stride(from: 0, to: list.items.count - 1, by: 2) {
      if let key = list.items[index].string { fields[key] = list.items[index + 1] }
    }
    return fields
  }

  private init(bytes: [UInt8], place: [String]) {
    self.bytes = bytes
    self.place = place
  }

  private func error(_ problem: String) -> DataError { DataError(.badInput, at: place, problem) }

  private func refused(_ what: String) -> DataError {
    DataError(
      .badInput, at: place,
      "a pickle that uses \(what); only the arrays, lists and strings of CIFAR's python version are read")
  }

  // MARK: The machine

  private mutating func run() throws(DataError) -> Value {
    while true {
      let opcode = try byte()
      switch opcode {
      case UInt8(ascii: "."):
        return try pop()
      case 0x80:  // PROTO
        let version = try byte()
        guard version <= 5 else { throw error("a pickle of protocol \(version)") }
      case 0x95: _ = try number(8)  // FRAME
      case UInt8(ascii: "("): stack.append(.mark)
      case UInt8(ascii: "0"): _ = try pop()
      case UInt8(ascii: "N"): stack.append(.none)
      case 0x88: stack.append(.bool(true))
      case 0x89: stack.append(.bool(false))
      case UInt8(ascii: "K"): stack.append(.integer(try number(1)))
      case UInt8(ascii: "M"): stack.append(.integer(try number(2)))
      case UInt8(ascii: "J"): stack.append(.integer(Int(Int32(truncatingIfNeeded: try number(4)))))
      case 0x8a: stack.append(.integer(try long(try number(1))))
      case UInt8(ascii: "U"), UInt8(ascii: "C"): stack.append(.bytes(try take(try number(1))))
      case UInt8(ascii: "T"), UInt8(ascii: "B"): stack.append(.bytes(try take(try number(4))))
      case 0x8e, 0x96: stack.append(.bytes(try take(try number(8))))  // BINBYTES8, BYTEARRAY8
      case 0x8c: stack.append(.text(try text(try number(1))))
      case UInt8(ascii: "X"): stack.append(.text(try text(try number(4))))
      case 0x8d: stack.append(.text(try text(try number(8))))
      case UInt8(ascii: "]"): try push(container: .list(List()))
      case UInt8(ascii: "}"): try push(container: .dictionary(List()))
      case UInt8(ascii: ")"): try push(container: .tuple([]))
      case 0x85: try collect(1)
      case 0x86: try collect(2)
      case 0x87: try collect(3)
      case UInt8(ascii: "t"): try push(container: .tuple(try popToMark()))
      case UInt8(ascii: "a"):
        let value = try pop()
        try append([value], to: "list")
      case UInt8(ascii: "e"):
        let values = try popToMark()
        try append(values, to: "list")
      case UInt8(ascii: "s"):
        let value = try pop()
        let key = try pop()
        try append([key, value], to: "dictionary")
      case UInt8(ascii: "u"):
        let values = try popToMark()
        try append(values, to: "dictionary")
      case UInt8(ascii: "q"): memo[try number(1)] = try top()
      case UInt8(ascii: "r"): memo[try number(4)] = try top()
      case 0x94: memo[memo.count] = try top()  // MEMOIZE
      case UInt8(ascii: "h"): stack.append(try recalled(try number(1)))
      case UInt8(ascii: "j"): stack.append(try recalled(try number(4)))
      case UInt8(ascii: "c"):
        let module = try line()
        let name = try line()
        stack.append(try function(module, name))
      case 0x93:  // STACK_GLOBAL
        guard let name = try pop().string, let module = try pop().string else { throw error("a damaged pickle") }
        stack.append(try function(module, name))
      case UInt8(ascii: "R"):
        guard case .tuple(let arguments) = try pop(), case .function(let name) = try pop() else {
          throw error("a damaged pickle")
        }
        stack.append(try call(name, arguments))
      case UInt8(ascii: "b"):
        let state = try pop()
        try build(try top(), state)
      default:
        throw refused("instruction \(hex([opcode])) at byte \(grouped(position - 1))")
      }
    }
  }

  private func function(_ module: String, _ name: String) throws(DataError) -> Value {
    switch "\(module).\(name)" {
    case "numpy.core.multiarray._reconstruct", "numpy._core.multiarray._reconstruct": .function("_reconstruct")
    case "numpy.core.numeric._frombuffer", "numpy._core.numeric._frombuffer": .function("_frombuffer")
    case "numpy.core.multiarray.scalar", "numpy._core.multiarray.scalar": .function("scalar")
    case "numpy.ndarray": .function("ndarray")
    case "numpy.dtype": .function("dtype")
    case "_codecs.encode": .function("encode")
    case let other: throw refused(other)
    }
  }

  private func call(_ name: String, _ arguments: [Value]) throws(DataError) -> Value {
    switch name {
    case "_reconstruct":
      return .array(Array())
    case "dtype":
      guard let type = arguments.first?.string else { throw error("a damaged pickle: an array's type has no name") }
      return .elementType(ElementType(type))
    case "scalar":
      guard arguments.count == 2, case .elementType(let type) = arguments[0], case .bytes(let bytes) = arguments[1]
      else { throw error("a damaged pickle: a number without type and bytes") }
      guard let value = type.integers(bytes)?.first else {
        throw refused("a number of the type \(type.name)\(type.isBigEndian ? ", big-endian" : "")")
      }
      return .integer(value)
    case "encode":
      // How Python 3 writes bytes for protocol 2.
      guard arguments.count <= 2, case .text(let text)? = arguments.first,
        arguments.count < 2 || arguments[1].string == "latin1"
      else {
        throw refused("_codecs.encode for another coding than latin1")
      }
      var bytes: [UInt8] = []
      for scalar in text.unicodeScalars {
        guard scalar.value < 256 else { throw error("a damaged pickle: a character above 255 in latin1") }
        bytes.append(UInt8(scalar.value))
      }
      return .bytes(bytes[...])
    case "_frombuffer":
      guard arguments.count == 4, case .bytes(let bytes) = arguments[0], case .elementType(let type) = arguments[1],
        let shape = arguments[2].integers, arguments[3].string == "C"
      else { throw error("a damaged pickle: an array that is not one of bytes in C order") }
      let array = Array()
      (array.shape, array.elementType, array.bytes) = (shape, type, bytes)
      return .array(array)
    default:
      throw refused(name)
    }
  }

  private func build(_ target: Value, _ state: Value) throws(DataError) {
    switch target {
    case .elementType(let type):
      // A version, the byte order, and names of fields.
      if case .tuple(let parts) = state, parts.count > 1 { type.isBigEndian = parts[1].string == ">" }
    case .array(let array):
      guard case .tuple(let parts) = state, parts.count == 5, let shape = parts[1].integers,
        case .elementType(let type) = parts[2], case .bytes(let bytes) = parts[4]
      else { throw error("a damaged pickle: an array without shape, type and bytes") }
      let isFortran = if case .bool(let value) = parts[3] { value } else { parts[3].integer != 0 }
      guard !isFortran else { throw error("an array in Fortran order; C order was expected") }
      (array.shape, array.elementType, array.bytes) = (shape, type, bytes)
    default:
      throw refused("the state of an object that is no array")
    }
  }

  // MARK: Stack and bytes

  private mutating func pop() throws(DataError) -> Value {
    guard let value = stack.popLast() else { throw error("a damaged pickle: its stack is empty") }
    return value
  }

  private func top() throws(DataError) -> Value {
    guard let value = stack.last else { throw error("a damaged pickle: its stack is empty") }
    return value
  }

  private mutating func popToMark() throws(DataError) -> [Value] {
    let mark = stack.lastIndex { if case .mark = $0 { true } else { false } }
    guard let mark else { throw error("a damaged pickle: a mark is missing") }
    defer { stack.removeSubrange(mark...) }
    return Swift.Array(stack[(mark + 1)...])
  }

  private mutating func collect(_ count: Int) throws(DataError) {
    guard stack.count >= count else { throw error("a damaged pickle: its stack is too short") }
    let values = Swift.Array(stack.suffix(count))
    stack.removeLast(count)
    try push(container: .tuple(values))
  }

  /// Nested containers are freed one within the other, each on top of the last one's stack frame.
  ///
  /// Tuples that hold none, as each of ten thousand NumPy numbers has, are not counted.
  private mutating func push(container: Value) throws(DataError) {
    if case .tuple(let values) = container, values.allSatisfy({ $0.elements == nil && !$0.isDictionary }) {
      return stack.append(container)
    }
    containers += 1
    guard containers <= Self.maxContainers else {
      throw error("a pickle of more than \(grouped(Self.maxContainers)) lists and tuples")
    }
    stack.append(container)
  }

  private func append(_ values: [Value], to kind: String) throws(DataError) {
    switch (try top(), kind) {
    case (.list(let list), "list"): list.items += values
    case (.dictionary(let list), "dictionary") where values.count.isMultiple(of: 2): list.items += values
    default: throw error("a damaged pickle: values for something that is no \(kind)")
    }
  }

  private func recalled(_ index: Int) throws(DataError) -> Value {
    guard let value = memo[index] else { throw error("a damaged pickle: memo \(index) is empty") }
    // One that stands in two places could stand in itself.
    switch value {
    case .list, .dictionary: throw refused("one list in two places")
    default: return value
    }
  }

  private mutating func take(_ count: Int) throws(DataError) -> ArraySlice<UInt8> {
    guard count >= 0, bytes.count - position >= count else {
      throw error("the input is cut short: the pickle ends in the middle of a value")
    }
    defer { position += count }
    return bytes[position..<(position + count)]
  }

  private mutating func byte() throws(DataError) -> UInt8 {
    guard let byte = try take(1).first else { throw error("the input is cut short") }
    return byte
  }

  /// An unsigned little-endian number.
  private mutating func number(_ size: Int) throws(DataError) -> Int {
    let value = try take(size).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    guard let number = Int(exactly: value) else { throw error("a damaged pickle: a length beyond all memory") }
    return number
  }

  /// A signed little-endian number of up to eight bytes.
  private mutating func long(_ size: Int) throws(DataError) -> Int {
    guard size <= 8 else { throw error("a pickle with an integer of \(size) bytes") }
    let part = try take(size)
    guard let last = part.last else { return 0 }
    let start = last & 0x80 == 0 ? 0 : -1
    return part.reversed().reduce(start) { $0 << 8 | Int($1) }
  }

  private mutating func text(_ count: Int) throws(DataError) -> String {
    guard let text = String(validating: try take(count), as: UTF8.self) else {
      throw error("a damaged pickle: text that is not UTF-8")
    }
    return text
  }

  private mutating func line() throws(DataError) -> String {
    let line = bytes[position...].prefix { $0 != 0x0a }
    _ = try take(line.count + 1)
    return String(decoding: line, as: UTF8.self)
  }
}

extension Pickle.ElementType {
  /// Little-endian integers; nil for elements of another type, and where bytes are left over or a value is beyond Int.
  func integers(_ bytes: ArraySlice<UInt8>) -> [Int]? {
    func all<Element: FixedWidthInteger>(_: Element.Type) -> [Int]? {
      let size = MemoryLayout<Element>.size
      guard bytes.count.isMultiple(of: size), size == 1 || !isBigEndian else { return nil }
      var values: [Int] = []
      values.reserveCapacity(bytes.count / size)
      for start in stride(from: bytes.startIndex, to: bytes.endIndex, by: size) {
        let bits = bytes[start..<start + size].reversed().reduce(Element.Magnitude(0)) {
          $0 << 8 | Element.Magnitude($1)
        }
        guard let value = Int(exactly: Element(truncatingIfNeeded: bits)) else { return nil }
        values.append(value)
      }
      return values
    }
    return switch name {
    case "u1", "uint8": all(UInt8.self)
    case "i1", "int8": all(Int8.self)
    case "u2", "uint16": all(UInt16.self)
    case "i2", "int16": all(Int16.self)
    case "u4", "uint32": all(UInt32.self)
    case "i4", "int32": all(Int32.self)
    case "u8", "uint64": all(UInt64.self)
    case "i8", "int64": all(Int64.self)
    default: nil
    }
  }
}

extension Pickle.Value {
  /// Bytes or text as text.
  var string: String? {
    switch self {
    case .bytes(let bytes): String(validating: bytes, as: UTF8.self)
    case .text(let text): text
    default: nil
    }
  }

  var integer: Int? {
    if case .integer(let value) = self { value } else { nil }
  }

  var isDictionary: Bool {
    if case .dictionary = self { true } else { false }
  }

  /// The elements of a list or tuple.
  var elements: [Pickle.Value]? {
    switch self {
    case .list(let list): list.items
    case .tuple(let values): values
    default: nil
    }
  }

  /// A list or tuple of integers, or a NumPy array of one axis.
  var integers: [Int]? {
    if case .array(let array) = self {
      let values = array.elementType.integers(array.bytes)
      return array.shape == [values?.count ?? -1] ? values : nil
    }
    guard let elements else { return nil }
    let values = elements.compactMap(\.integer)
    return values.count == elements.count ? values : nil
  }

  /// A list of strings.
  var strings: [String]? {
    guard let elements else { return nil }
    let values = elements.compactMap(\.string)
    return values.count == elements.count ? values : nil
  }
}
