internal import Synchronization

/// What this process is writing and has not published yet.
///
/// An error that is thrown removes an unfinished output on its way up. A process that has to end where nothing can be
/// thrown (the second SIGTERM during a long step, an operator that is given no memory) calls `abandonAll` instead.
public enum UnfinishedOutputs {
  private struct State {
    var last = 0
    var open: [(number: Int, remove: @Sendable () -> Void)] = []
    var isPublished = false
  }

  private static let state = Mutex(State())

  /// Lets `create` begin an output, and registers how to remove it: nobody sees one without the other.
  ///
  /// - Returns: what `create` made, and the number that ends the registration.
  public static func begin<T, E: Error>(
    _ create: () throws(E) -> (T, remove: @Sendable () -> Void)
  ) throws(E) -> (T, number: Int) {
    var begun: Result<(T, number: Int), E>?
    state.withLock { state in
      do throws(E) {
        let (made, remove) = try create()
        state.last += 1
        state.open.append((state.last, remove))
        begun = .success((made, state.last))
      } catch {
        begun = .failure(error)
      }
    }
    guard let begun else { preconditionFailure("a lock did not run its body") }
    return try begun.get()
  }

  /// Removes one output, unless it is gone already: the process does not leave in the middle of that.
  public static func abandon(_ number: Int) {
    state.withLock { state in
      guard let index = state.open.firstIndex(where: { $0.number == number }) else { return }
      state.open.remove(at: index).remove()
    }
  }

  /// Adds to an output that is still there: nobody abandons it meanwhile, and after that nothing is added.
  ///
  /// - Returns: what `body` returns; nil where the output was abandoned, because the process is about to end.
  public static func extend<T, E: Error>(_ number: Int?, _ body: () throws(E) -> T) throws(E) -> T? {
    var made: Result<T, E>?
    state.withLock { state in
      guard state.open.contains(where: { $0.number == number }) else { return }
      do throws(E) {
        made = .success(try body())
      } catch {
        made = .failure(error)
      }
    }
    return try made?.get()
  }

  /// Gives an output its name: nobody abandons it meanwhile.
  public static func publish<E: Error>(_ number: Int?, _ body: () throws(E) -> Void) throws(E) {
    let failure: E? = state.withLock { state in
      do throws(E) {
        try body()
        state.open.removeAll { $0.number == number }
        state.isPublished = true
        return nil
      } catch {
        return error
      }
    }
    if let failure { throw failure }
  }

  /// Removes all of them, the newest first.
  ///
  /// - Returns: whether there were none because one has been published since the last call: then the process has done what
  ///   it was asked to, and is about to say so.
  public static func abandonAll() -> Bool {
    state.withLock { state in
      defer {
        state.open = []
        state.isPublished = false
      }
      for output in state.open.reversed() { output.remove() }
      return state.open.isEmpty && state.isPublished
    }
  }
}
