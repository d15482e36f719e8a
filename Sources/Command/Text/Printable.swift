/// A text in which nothing can steer a terminal: control characters, and those that change the direction of writing, are
/// spelled out as `\x1b` or `\u202e`.
///
/// Names of classes, files and datasets come from other people.
///
/// - Parameter allowed: control characters that stay, such as the line feeds of a report.
public func printable(_ text: String, allowing allowed: Set<Unicode.Scalar> = []) -> String {
  guard text.unicodeScalars.contains(where: { isControl($0) && !allowed.contains($0) }) else { return text }
  var shown = String.UnicodeScalarView()
  for scalar in text.unicodeScalars {
    guard isControl(scalar), !allowed.contains(scalar) else {
      shown.append(scalar)
      continue
    }
    let digits = String(scalar.value, radix: 16)
    let zeros = String(repeating: "0", count: max(0, (scalar.value < 0x100 ? 2 : 4) - digits.count))
    shown.append(contentsOf: ((scalar.value < 0x100 ? "\\x" : "\\u") + zeros + digits).unicodeScalars)
  }
  return String(shown)
}

/// Whether a character is not a sign but an order to who shows it.
func isControl(_ scalar: Unicode.Scalar) -> Bool {
  switch scalar.value {
  case 0x20...0x7e: false
  case 0..<0x20, 0x7f...0x9f: true
  // Marks and overrides of direction, and separators of lines and paragraphs.
  case 0x061c, 0x200e, 0x200f, 0x2028...0x202e, 0x2066...0x2069: true
  default: false
  }
}

/// A JSON document in which control characters are escaped that JSON itself lets stand, such as U+0092 in a wrongly decoded name: what
/// spells them out for a terminal would make it no JSON.
public func printableJSON(_ bytes: [UInt8]) -> String {
  var shown = String.UnicodeScalarView()
  for scalar in String(decoding: bytes, as: UTF8.self).unicodeScalars {
    guard isControl(scalar), scalar != "\n" else {
      shown.append(scalar)
      continue
    }
    let digits = String(scalar.value, radix: 16)
    shown.append(contentsOf: ("\\u" + String(repeating: "0", count: 4 - digits.count) + digits).unicodeScalars)
  }
  return String(shown)
}
