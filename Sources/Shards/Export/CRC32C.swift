/// The CRC-32C (Castagnoli) of some bytes, eight at a time.
func crc32c(_ bytes: [UInt8]) -> UInt32 {
  tables.withUnsafeBufferPointer { tables in
    bytes.withUnsafeBytes { bytes in
      var checksum = ~UInt32(0)
      var place = 0
      while place + 8 <= bytes.count {
        let low = bytes.loadUnaligned(fromByteOffset: place, as: UInt32.self).littleEndian ^ checksum
        let high = bytes.loadUnaligned(fromByteOffset: place &+ 4, as: UInt32.self).littleEndian
        checksum = 0
        for lane in 0..<4 {
          let shift = UInt32(8 &* lane)
          checksum ^= tables[(7 &- lane) &* 256 &+ Int(low &>> shift & 0xff)]
          checksum ^= tables[(3 &- lane) &* 256 &+ Int(high &>> shift & 0xff)]
        }
        place &+= 8
      }
      while place < bytes.count {
        checksum = tables[Int((checksum ^ UInt32(bytes[place])) & 0xff)] ^ checksum &>> 8
        place &+= 1
      }
      return ~checksum
    }
  }
}

/// For each of eight places, what a byte there adds.
private let tables: [UInt32] = {
  var tables = [UInt32](repeating: 0, count: 8 * 256)
  for byte in 0..<256 {
    var value = UInt32(byte)
    for _ in 0..<8 { value = value & 1 == 1 ? value >> 1 ^ 0x82f6_3b78 : value >> 1 }
    tables[byte] = value
  }
  for place in 1..<8 {
    for byte in 0..<256 {
      let value = tables[(place - 1) * 256 + byte]
      tables[place * 256 + byte] = tables[Int(value & 0xff)] ^ value >> 8
    }
  }
  return tables
}()
