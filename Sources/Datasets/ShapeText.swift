/// A shape as messages show it: `3×32×32`.
public func shapeText(_ shape: [Int]) -> String { shape.map(String.init).joined(separator: "×") }
