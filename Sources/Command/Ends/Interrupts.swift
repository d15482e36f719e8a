public import Catalog
internal import Datasets
internal import Glibc
internal import Synchronization

/// Ctrl-C, SIGTERM and SIGHUP, turned into something that a verb can look at.
///
/// Ctrl-C keeps what has been reached where the verb can. SIGTERM and SIGHUP end the verb and publish nothing, unless
/// `--on-term keep` was typed.
///
/// A signal handler may do next to nothing, so it writes one byte into a pipe; a thread of its own reads it and decides.
public final class Interrupts: Sendable {
  private let state: Mutex<InterruptState>
  private let forward = Mutex<(@Sendable (Int32) -> Void)?>(nil)
  private let report: Reporter

  init(_ interruption: Interruption, keepsOnTermination: Bool = false, report: Reporter) {
    state = Mutex(InterruptState(interruption: interruption, keepsOnTermination: keepsOnTermination))
    self.report = report
  }

  /// Asked by the work: whether it shall end at the next step and emit what it has.
  public func stopsNow() -> Bool { state.withLock { $0.tellWhetherToStop() } }

  /// Whether the work was told to end before it was done: what it made may be less than was asked for.
  var cutWorkShort: Bool { state.withLock { $0.cutWorkShort } }

  /// The signal that came last, if one came.
  public var signal: Int32? { state.withLock { $0.signal } }

  /// Changes what the first Ctrl-C does, for a verb that knows better than the catalogue.
  public func setInterruption(_ interruption: Interruption) {
    state.withLock { $0.interruption = interruption }
  }

  /// Hands a signal that does not end the verb on to the processes that it runs; nil for none.
  func forwardTermination(_ body: (@Sendable (Int32) -> Void)?) {
    forward.withLock { $0 = body }
  }

  /// Starts to listen; `cancel` ends the running verb and lets it clean up.
  ///
  /// - Throws: `DataError` (`.io`) when the system gives no pipe or no thread.
  func install(cancel: @escaping @Sendable () -> Void) throws {
    var ends: [Int32] = [-1, -1]
    guard pipe(&ends) == 0 else { throw systemFailure("no pipe could be made") }
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
      throw systemFailure("no thread could be made", status)
    }
    pthread_detach(thread)
    for number in [SIGINT, SIGTERM, SIGHUP] + (report.isDrawing ? [SIGWINCH] : []) {
      var old = sigaction()
      sigaction(number, nil, &old)
      // Background jobs of scripts are started with Ctrl-C switched off, those of `nohup` with SIGHUP: that is meant for us.
      if number != SIGTERM, unsafeBitCast(old.__sigaction_handler.sa_handler, to: Int.self) == 1 { continue }
      var new = sigaction()
      new.__sigaction_handler.sa_handler = { noteSignal($0) }
      new.sa_flags = SA_RESTART
      sigaction(number, &new, nil)
    }
  }

  fileprivate func receive(_ number: Int32) -> InterruptState.Action {
    act(state.withLock { $0.receive(number) })
  }

  fileprivate func orphaned() -> InterruptState.Action {
    act(state.withLock { $0.orphaned() })
  }

  fileprivate func asked() -> InterruptState.Action {
    act(state.withLock { $0.asked() })
  }

  /// Ends the processes that the verb runs.
  fileprivate func killProcesses() { forward.withLock { $0?(SIGKILL) } }

  /// Time between two looks at a board that is drawn, in milliseconds; -1 where there is none.
  fileprivate var tick: Int32 { report.isDrawing ? 500 : -1 }

  /// Draws what is drawn anew.
  fileprivate func redraw() { report.redraw() }

  private func act(_ action: InterruptState.Action) -> InterruptState.Action {
    if case .wait(let sentence) = action {
      report.warn(sentence)
      if let signal { forward.withLock { $0?(signal) } }
    }
    return action
  }
}

/// How the steps of `pipe run` learn that it is gone, even when it was killed: a pipe whose other end only it holds.
///
/// A byte in it asks them to end early, once: beside a Ctrl-C, which reaches the run and its steps from a terminal, but the run alone where
/// somebody sends it that signal.
public enum Lifeline {
  /// The variable that tells a step which descriptor that is.
  static let variable = "PIPE_LIFELINE"

  /// The descriptor that this process was given; nil outside of a run.
  static var inherited: Int32? {
    var status = stat()
    guard let number = Command.variable(Self.variable).flatMap({ Int32($0) }), number > 2, fstat(number, &status) == 0,
      status.st_mode & S_IFMT == S_IFIFO
    else { return nil }
    return number
  }

  /// Whether this process is a step of a run, which names what it keeps.
  public static var isHeld: Bool { inherited != nil }
}

/// What signals have come and what follows from them.
struct InterruptState: Sendable, Equatable {
  enum Action: Equatable, Sendable {
    /// Say so and let the work go on to its end.
    case wait(String)
    /// Cancel the work; it cleans up.
    case cancel
    /// End the process at once.
    case abort
    /// Go on as before.
    case none
  }

  var interruption: Interruption
  /// SIGTERM and SIGHUP act as the first Ctrl-C does.
  let keepsOnTermination: Bool
  private(set) var stopRequested = false
  private(set) var signal: Int32?
  private var isInterrupted = false
  /// The run that this is a step of has asked to end early.
  private var isAsked = false
  private var isCancelled = false
  /// The work was told to stop.
  private var isTold = false

  init(interruption: Interruption, keepsOnTermination: Bool = false) {
    self.interruption = interruption
    self.keepsOnTermination = keepsOnTermination
  }

  mutating func receive(_ number: Int32) -> Action {
    signal = number
    // The same Ctrl-C came by way of the run, which was faster.
    if number == SIGINT, isAsked, !isInterrupted {
      isInterrupted = true
      return .none
    }
    if isCancelled { return .abort }
    if number != SIGINT, keepsOnTermination, interruption != .stop {
      // Sent to a group and to each of its processes, it comes twice, and is meant once.
      return isInterrupted || isAsked ? .none : interrupt()
    }
    return number == SIGINT && !isInterrupted ? interrupt() : cancel()
  }

  /// The run that this is a step of asks to end early, as its own Ctrl-C does.
  mutating func asked() -> Action {
    signal = signal ?? SIGINT
    guard !isInterrupted, !isAsked, !isCancelled else { return .none }
    isAsked = true
    let action = interrupt()
    isInterrupted = false
    return action
  }

  /// The answer to work that asks whether it shall end at the next step.
  mutating func tellWhetherToStop() -> Bool {
    isTold = isTold || stopRequested
    return stopRequested
  }

  /// Whether the work was told to end, or cancelled.
  var cutWorkShort: Bool { isTold || isCancelled }

  /// The process that started this one as one of its steps is gone.
  mutating func orphaned() -> Action {
    signal = signal ?? SIGTERM
    return isCancelled ? .none : cancel()
  }

  private mutating func interrupt() -> Action {
    isInterrupted = true
    switch interruption {
    case .finishEarly:
      stopRequested = true
      return .wait("finishing the step at hand, then writing what there is; Ctrl-C again gives up")
    case .waitForUpstream:
      return .wait("waiting for the stream to end; Ctrl-C again gives up")
    case .stop:
      return cancel()
    }
  }

  private mutating func cancel() -> Action {
    stopRequested = true
    isCancelled = true
    return .cancel
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
    let lifeline = Lifeline.inherited ?? -1
    // A negative descriptor is never ready.
    var waiting = [
      pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0),
      pollfd(fd: lifeline, events: Int16(POLLIN), revents: 0),
    ]
    var isCancelled = false
    while true {
      let ready = poll(&waiting, 2, isCancelled ? Self.grace : interrupts.tick)
      var action = InterruptState.Action.none
      if ready == 0 {
        if isCancelled { action = .abort } else { interrupts.redraw() }
      }
      if ready > 0, waiting[1].revents == Int16(POLLIN) {
        // Left where it is, for all steps read from the same pipe.
        waiting[1].events = 0
        action = interrupts.asked()
      } else if ready > 0, waiting[1].revents != 0 {
        waiting[1].fd = -1
        action = interrupts.orphaned()
      } else if ready > 0 {
        var byte: UInt8 = 0
        guard read(descriptor, &byte, 1) == 1 else { continue }
        if Int32(byte) == SIGWINCH {
          interrupts.redraw()
          continue
        }
        action = interrupts.receive(Int32(byte))
      }
      switch action {
      case .wait, .none: break
      case .cancel:
        isCancelled = true
        cancel()
      case .abort:
        interrupts.killProcesses()
        // Comes back where what was asked for is done and the process is about to end by itself.
        Farewell.leave(signal: interrupts.signal ?? SIGINT)
      }
    }
  }
}
