internal import Datasets
internal import Glibc

/// The 512-byte USTAR header of one member: name and size.
///
/// Everything else is fixed, so that equal data gives equal bytes.
struct TarHeader: Equatable {
  static let blockSize = 512
  /// The largest size that eleven octal digits hold.
  static let maxSize = (1 << 33) - 1
  static let maxNameLength = 100

  var name: String
  var size: Int

  /// Bytes of zeros after a payload of `size` bytes.
  static func padding(after size: Int) -> Int {
    (blockSize - size % blockSize) % blockSize
  }

  /// Mode 0444, owner 0, time 0, plain file; name, size and checksum are left zero.
  private static let template: [UInt8] = {
    var block = [UInt8](repeating: 0, count: blockSize)
    func put(_ text: String, at offset: Int) {
      block.replaceSubrange(offset..<offset + text.utf8.count, with: text.utf8)
    }
    put("0000444", at: 100)  // mode
    put("0000000", at: 108)  // uid
    put("0000000", at: 116)  // gid
    put("00000000000", at: 136)  // mtime
    put("0", at: 156)  // type: plain file
    put("ustar", at: 257)
    put("00", at: 263)  // version
    put("0000000", at: 329)  // device, major
    put("0000000", at: 337)  // device, minor
    return block
  }()

  /// The checksum counts its own eight bytes as spaces.
  private static let templateSum = template.reduce(8 * 32) { $0 + Int($1) }

  /// Writes the block; name and size fit, as the caller has checked.
  func write(to block: UnsafeMutableRawPointer) {
    var name = name
    name.withUTF8 { Self.write(name: UnsafeRawBufferPointer($0), size: size, to: block) }
  }

  private static func write(name: UnsafeRawBufferPointer, size: Int, to block: UnsafeMutableRawPointer) {
    precondition(name.count <= maxNameLength && size <= maxSize, "a member beyond USTAR's limits reached the writer")
    template.withUnsafeBytes { UnsafeMutableRawBufferPointer(start: block, count: blockSize).copyMemory(from: $0) }
    UnsafeMutableRawBufferPointer(start: block, count: maxNameLength).copyMemory(from: name)
    var sum = templateSum
    for byte in name { sum &+= Int(byte) }
    func putOctal(_ value: Int, digits: Int, at offset: Int) -> Int {
      var sum = 0
      for place in 0..<digits {
        let digit = UInt8(truncatingIfNeeded: 48 &+ (value &>> (3 &* (digits &- 1 &- place))) & 7)
        block.storeBytes(of: digit, toByteOffset: offset &+ place, as: UInt8.self)
        sum &+= Int(digit)
      }
      return sum
    }
    sum += putOctal(size, digits: 11, at: 124)
    _ = putOctal(sum, digits: 6, at: 148)
    block.storeBytes(of: 32, toByteOffset: 155, as: UInt8.self)
  }

  /// Reads a block that is not all zeros; says what is wrong with it instead, if anything is.
  ///
  /// `exact` asks for the very bytes that `write` makes; without it any plain-file USTAR header will do.
  static func parse(_ block: UnsafeRawBufferPointer, exact: Bool) -> Result<TarHeader, Complaint> {
    precondition(block.count == blockSize, "a tar header is \(blockSize) bytes, not \(block.count)")
    // A header as this program writes it is known by its bytes, and nothing in it is left to check.
    if let header = own(block) { return .success(header) }
    guard block[257..<262].elementsEqual("ustar".utf8) else { return .failure(Complaint("is not a USTAR header")) }
    guard let sum = octal(block[148..<156]) else { return .failure(Complaint("has no checksum")) }
    var actual = 8 * 32
    for byte in block { actual += Int(byte) }
    for byte in block[148..<156] { actual -= Int(byte) }
    guard sum == actual else { return .failure(Complaint("has checksum \(sum) where its bytes add up to \(actual)")) }
    guard block[156] == 48 || block[156] == 0 else {
      return .failure(Complaint("is of type '\(Character(Unicode.Scalar(block[156])))', where only plain files belong"))
    }
    guard let size = octal(block[124..<136]) else { return .failure(Complaint("has no size")) }
    guard block[345] == 0 else { return .failure(Complaint("has a name prefix, which this format does not use")) }
    let name = block[0..<100].prefix { $0 != 0 }
    guard !name.isEmpty, let text = String(validating: name, as: UTF8.self) else {
      return .failure(Complaint("has no readable name"))
    }
    guard !exact else {
      return .failure(Complaint("of \(text) has fields that this format fixes to other values (mode, owner, time)"))
    }
    return .success(TarHeader(name: text, size: size))
  }

  /// The header that `write` makes these very bytes of; nil when there is none.
  private static func own(_ block: UnsafeRawBufferPointer) -> TarHeader? {
    guard let base = block.baseAddress else { return nil }
    let length = strnlen(base.assumingMemoryBound(to: CChar.self), maxNameLength)
    guard length > 0, let size = octal(block[124..<136]), size <= maxSize else { return nil }
    let name = UnsafeRawBufferPointer(start: base, count: length)
    let isOwn = withUnsafeTemporaryAllocation(byteCount: blockSize, alignment: 16) { expected in
      guard let start = expected.baseAddress else { return false }
      write(name: name, size: size, to: start)
      return memcmp(start, base, blockSize) == 0
    }
    guard isOwn, let text = String(validating: name, as: UTF8.self) else { return nil }
    return TarHeader(name: text, size: size)
  }

  /// What is wrong with a header; follows the words "the header at byte N".
  struct Complaint: Error {
    var text: String
    init(_ text: String) { self.text = text }
  }

  private static func octal(_ field: Slice<UnsafeRawBufferPointer>) -> Int? {
    var value = 0
    var digits = 0
    for byte in field {
      if byte >= 48 && byte <= 55 {
        value = value << 3 | Int(byte - 48)
        digits += 1
      } else if byte == 0 || byte == 32 {
        if digits > 0 { break }
      } else {
        return nil
      }
    }
    return digits > 0 ? value : nil
  }
}
