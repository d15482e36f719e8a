internal import Synchronization

/// How long each kind of work has kept processors busy, summed over the threads that did it.
public final class WorkTimes: Sendable {
  private let clock: @Sendable () -> Double
  private let sums = Mutex<[(work: String, seconds: Double)]>([])

  /// Nothing measured yet; `clock` tells the processor time of the thread that calls it, in seconds.
  public init(clock: @escaping @Sendable () -> Double) {
    self.clock = clock
  }

  /// Does `body` and counts its time as `work`; work inside of work is counted twice.
  public func measure<T, E: Error>(_ work: String, _ body: () throws(E) -> T) throws(E) -> T {
    let start = clock()
    defer { add(work, clock() - start) }
    return try body()
  }

  /// Seconds of each kind of work, in the order in which they were first done.
  public var totals: [(work: String, seconds: Double)] { sums.withLock { $0 } }

  private func add(_ work: String, _ seconds: Double) {
    sums.withLock { sums in
      if let index = sums.firstIndex(where: { $0.work == work }) {
        sums[index].seconds += seconds
      } else {
        sums.append((work, seconds))
      }
    }
  }
}

extension WorkTimes? {
  /// Does `body`, and measures it where somebody wants to know.
  public func measure<T, E: Error>(_ work: String, _ body: () throws(E) -> T) throws(E) -> T {
    guard let self else { return try body() }
    return try self.measure(work, body)
  }
}
