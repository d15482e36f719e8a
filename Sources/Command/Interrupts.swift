internal import Glibc
internal import Synchronization
public import Catalog

/// Ctrl-C and SIGTERM, turned into something that a verb can look at.
///
/// A signal handler may do next to nothing, so it writes one byte into a pipe; a thread of its own reads it and decides.
public final class Interrupts: Sendable {
  private let state: Mutex<InterruptState>
  private let report: Reporter

  init(_ interruption: Interruption, report: Reporter) {
    state = Mutex(InterruptState(interruption: interruption))
    self.report = report
  }

  /// Whether the work shall end at the next step and emit what it has.
  public var stopRequested: Bool { state.withLock { $0.stopRequested } }

  /// The signal that came last, if one came.
  public var signal: Int32? { state.withLock { $0.signal } }

  /// Changes what the first Ctrl-C does, for a verb that knows better than the catalogue.
  public func setInterruption(_ interruption: Interruption) {
    state.withLock { $0.interruption = interruption }
  }

  /// Starts to listen; `cancel` ends the running verb and lets it clean up.
  func install(cancel: @escaping @Sendable () -> Void) {
    var ends: [Int32] = [-1, -1]
    guard pipe(&ends) == 0 else { return }
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    signalPipe = ends[1]
    let listener = Listener(interrupts: self, descriptor: ends[0], cancel: cancel)
    var thread = pthread_t()
    let argument = Unmanaged.passRetained(listener)
    let status = pthread_create(
      &thread, nil,
      { argument in
        if let argument { Unmanaged<Listener>.fromOpaque(argument).takeRetainedValue().listen() }
        return nil
      }, argument.toOpaque())
    guard status == 0 else {
      argument.release()
      return
    }
    pthread_detach(thread)
    for number in [SIGINT, SIGTERM] {
      var old = sigaction()
      sigaction(number, nil, &old)
      // `nohup` and background jobs of scripts are started with Ctrl-C switched off: that is meant for us.
      if number == SIGINT, unsafeBitCast(old.__sigaction_handler.sa_handler, to: Int.self) == 1 { continue }
      var new = sigaction()
      new.__sigaction_handler.sa_handler = { noteSignal($0) }
      new.sa_flags = SA_RESTART
      sigaction(number, &new, nil)
    }
  }

  fileprivate func receive(_ number: Int32) -> InterruptState.Action {
    let action = state.withLock { $0.receive(number) }
    switch action {
    case .wait(let sentence): report.warn(sentence)
    case .cancel, .abort: break
    }
    return action
  }
}

/// What signals have come and what follows from them.
struct InterruptState: Sendable, Equatable {
  enum Action: Equatable, Sendable {
    /// Say so and let the work go on to its end.
    case wait(String)
    /// Cancel the work; it cleans up.
    case cancel
    /// Leave at once.
    case abort
  }

  var interruption: Interruption
  private(set) var stopRequested = false
  private(set) var signal: Int32?
  private var count = 0

  init(interruption: Interruption) {
    self.interruption = interruption
  }

  mutating func receive(_ number: Int32) -> Action {
    count += 1
    signal = number
    guard count == 1 else {
      stopRequested = true
      return count == 2 && interruption != .stop ? .cancel : .abort
    }
    switch interruption {
    case .finishEarly:
      stopRequested = true
      return .wait("finishing the step at hand, then writing what there is; Ctrl-C again gives up")
    case .waitForUpstream where number == SIGINT:
      return .wait("waiting for the stream to end; Ctrl-C again gives up")
    case .waitForUpstream, .stop:
      stopRequested = true
      return .cancel
    }
  }
}

/// Where the handler writes.
///
/// A global, because a handler has no other way to know.
///
/// Unchecked: written once, before the handler is installed.
nonisolated(unsafe) private var signalPipe: Int32 = -1

private func noteSignal(_ number: Int32) {
  let saved = errno
  var byte = UInt8(truncatingIfNeeded: number)
  _ = write(signalPipe, &byte, 1)
  errno = saved
}

private final class Listener: Sendable {
  /// How long a cancelled verb may take to clean up, in milliseconds; one that waits for input never notices.
  private static let grace: Int32 = 3000
  private let interrupts: Interrupts
  private let descriptor: Int32
  private let cancel: @Sendable () -> Void

  init(interrupts: Interrupts, descriptor: Int32, cancel: @escaping @Sendable () -> Void) {
    self.interrupts = interrupts
    self.descriptor = descriptor
    self.cancel = cancel
  }

  func listen() {
    var isCancelled = false
    while true {
      var waiting = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
      let ready = poll(&waiting, 1, isCancelled ? Self.grace : -1)
      if ready == 0 { leave() }
      var byte: UInt8 = 0
      guard ready > 0, read(descriptor, &byte, 1) == 1 else { continue }
      switch interrupts.receive(Int32(byte)) {
      case .wait: break
      case .cancel:
        isCancelled = true
        cancel()
      case .abort: leave()
      }
    }
  }

  private func leave() -> Never {
    _exit(128 + (interrupts.signal ?? SIGINT))
  }
}
