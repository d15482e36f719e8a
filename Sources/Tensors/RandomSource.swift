#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// Random numbers as a pure function of a seed: Philox 4x32-10, a counter-based generator.
///
/// J. Salmon, M. Moraes, R. Dror, D. Shaw: Parallel Random Numbers: As Easy as 1, 2, 3. SC 2011.
///
/// A source is a value: a copy continues with the same numbers. Parts of a program that must not disturb each other get their
/// own sources by `split`, named by purpose and indices (class, step), and then draw the same numbers in whatever order
/// they run.
public struct RandomSource: Sendable, Hashable {
  /// Two words that choose one of 2^64 permutations.
  private var key: (UInt32, UInt32)
  /// The upper half of the counter: which of 2^64 streams.
  private var stream: (UInt32, UInt32)
  /// The lower half of the counter: the next block of four words.
  private var position: UInt64 = 0

  /// A source for `seed`.
  public init(seed: UInt64) {
    key = (UInt32(truncatingIfNeeded: seed), UInt32(truncatingIfNeeded: seed >> 32))
    stream = (0, 0)
  }

  /// The source for one purpose, told apart by `indices`; it depends on this source's seed and splits, and not on how much
  /// has been drawn from it.
  public func split(_ purpose: String, _ indices: Int...) -> RandomSource {
    var child = self
    child.position = 0
    let text = Array(purpose.utf8)
    child.absorb(UInt64(text.count))
    for start in stride(from: 0, to: text.count, by: 8) {
      var word: UInt64 = 0
      for byte in text[start..<min(start + 8, text.count)].reversed() { word = word << 8 | UInt64(byte) }
      child.absorb(word)
    }
    child.absorb(UInt64(indices.count))
    for index in indices { child.absorb(UInt64(bitPattern: Int64(index))) }
    return child
  }

  /// Mixes one word into key and stream: together they become the block of the generator at that word.
  private mutating func absorb(_ word: UInt64) {
    // The key is turned so that no block that is absorbed is also one that is drawn.
    let block = philox(
      (UInt32(truncatingIfNeeded: word), UInt32(truncatingIfNeeded: word >> 32), stream.0, stream.1),
      key: (key.0 ^ 0xA5A5_A5A5, key.1 ^ 0x5A5A_5A5A))
    key = (block.0, block.1)
    stream = (block.2, block.3)
  }

  /// The next block of four words.
  private mutating func next() -> (UInt32, UInt32, UInt32, UInt32) {
    defer { position &+= 1 }
    return philox(
      (UInt32(truncatingIfNeeded: position), UInt32(truncatingIfNeeded: position >> 32), stream.0, stream.1), key: key)
  }

  /// Whether both will draw the same numbers.
  public static func == (a: RandomSource, b: RandomSource) -> Bool {
    a.key == b.key && a.stream == b.stream && a.position == b.position
  }

  /// Hashes what will be drawn.
  public func hash(into hasher: inout Hasher) {
    hasher.combine(key.0)
    hasher.combine(key.1)
    hasher.combine(stream.0)
    hasher.combine(stream.1)
    hasher.combine(position)
  }
}

// MARK: Numbers

extension RandomSource {
  /// `count` numbers of [0, 1), multiples of 2^-24.
  ///
  /// Each call starts a new block, so that a shorter draw is the start of a longer one.
  public mutating func uniform(_ count: Int) -> [Float] {
    [Float](unsafeUninitializedCapacity: count) { buffer, initialized in
      var index = 0
      while index < count {
        let block = next()
        withUnsafeBytes(of: block) { words in
          for word in words.bindMemory(to: UInt32.self).prefix(count - index) {
            buffer.initializeElement(at: index, to: Float(word >> 8) * 0x1p-24)
            index += 1
          }
        }
      }
      initialized = count
    }
  }

  /// `count` numbers of the standard normal distribution, by the method of Box and Muller.
  public mutating func normal(_ count: Int) -> [Float] {
    [Float](unsafeUninitializedCapacity: count) { buffer, initialized in
      var index = 0
      func append(_ value: Double) {
        guard index < count else { return }
        buffer.initializeElement(at: index, to: Float(value))
        index += 1
      }
      func appendPair(_ a: UInt32, _ b: UInt32) {
        // The first of (0, 1], so that its logarithm is finite.
        let radius = (-2 * log((Double(a) + 1) * 0x1p-32)).squareRoot()
        let angle = 2 * Double.pi * Double(b) * 0x1p-32
        append(radius * cos(angle))
        append(radius * sin(angle))
      }
      while index < count {
        let block = next()
        appendPair(block.0, block.1)
        appendPair(block.2, block.3)
      }
      initialized = count
    }
  }

  /// One number of [0, 1), a multiple of 2^-53.
  public mutating func uniform() -> Double {
    let block = next()
    return Double((UInt64(block.1) << 32 | UInt64(block.0)) >> 11) * 0x1p-53
  }

  /// One number of the standard normal distribution.
  public mutating func normal() -> Double { Double(normal(1)[0]) }

  /// One integer of 0..<bound, each equally likely.
  ///
  /// - Precondition: `bound` is positive.
  public mutating func integer(below bound: Int) -> Int {
    precondition(bound > 0, "integer(below: \(bound)): the bound must be positive")
    let limit = UInt64(bound)
    // Words under this would make the first remainders likelier than the last.
    let rejected = (0 &- limit) % limit
    while true {
      let block = next()
      let word = UInt64(block.1) << 32 | UInt64(block.0)
      if word >= rejected { return Int(word % limit) }
    }
  }

  /// The integers 0..<count in random order.
  public mutating func permutation(_ count: Int) -> [Int] { choice(count, of: count) }

  /// `count` different integers of 0..<total, in random order.
  ///
  /// - Precondition: 0 ≤ count ≤ total.
  public mutating func choice(_ count: Int, of total: Int) -> [Int] {
    precondition(0 <= count && count <= total, "choice(\(count), of: \(total)): there are not that many")
    var items = Array(0..<total)
    for index in 0..<count { items.swapAt(index, index + integer(below: total - index)) }
    return Array(items.prefix(count))
  }

  /// A float32 tensor of numbers of [low, high).
  public mutating func uniform(_ shape: [Int], low: Double = 0, high: Double = 1) -> Tensor {
    let unit = Tensor(uniform(shape.reduce(1, *)), shape: shape)
    return low == 0 && high == 1 ? unit : unit * (high - low) + low
  }

  /// A float32 tensor of numbers of the standard normal distribution.
  public mutating func normal(_ shape: [Int]) -> Tensor {
    Tensor(normal(shape.reduce(1, *)), shape: shape)
  }
}

// MARK: Philox

/// Ten rounds of Philox 4x32 [Salmon et al., section 3.3]: a permutation of 128-bit counters for each 64-bit key.
func philox(
  _ counter: (UInt32, UInt32, UInt32, UInt32), key: (UInt32, UInt32)
) -> (UInt32, UInt32, UInt32, UInt32) {
  var (c0, c1, c2, c3) = counter
  var (k0, k1) = key
  for _ in 0..<10 {
    let p0 = UInt64(0xD251_1F53) &* UInt64(c0)
    let p1 = UInt64(0xCD9E_8D57) &* UInt64(c2)
    (c0, c1, c2, c3) = (
      UInt32(truncatingIfNeeded: p1 >> 32) ^ c1 ^ k0, UInt32(truncatingIfNeeded: p1),
      UInt32(truncatingIfNeeded: p0 >> 32) ^ c3 ^ k1, UInt32(truncatingIfNeeded: p0)
    )
    k0 &+= 0x9E37_79B9
    k1 &+= 0xBB67_AE85
  }
  return (c0, c1, c2, c3)
}
