/// A shape as messages show it: `3×32×32`.
public func shapeText(_ shape: [Int]) -> String { shape.map(String.init).joined(separator: "×") }

/// A number with leading zeros, so that names sort as numbers do: `000042`.
public func zeroPadded(_ number: Int, digits: Int) -> String {
  let text = String(number)
  return String(repeating: "0", count: max(0, digits - text.count)) + text
}
