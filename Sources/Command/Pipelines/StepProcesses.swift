internal import Datasets
internal import FoundationEssentials
internal import Glibc
internal import Synchronization

/// The processes of one dataset, joined by pipes as a shell joins them.
///
/// They share this process's group and standard error, so Ctrl-C reaches each of them, and each says itself what is wrong. A program of somebody
/// else, such as a shell, leads a group of its own, so that what it has started ends with it.
final class StepProcesses: Sendable {
  private struct State {
    /// Those that were not waited for: only these may be sent a signal, for the numbers of others may be taken again.
    var running: Set<pid_t>
    /// Those that were ended because one behind them failed.
    var ended: Set<pid_t> = []
  }

  private let processes: [pid_t]
  private let state: Mutex<State>
  /// Whether each is `pipe` itself, which can be asked by the lifeline.
  private let areOurs: Bool
  /// Whether each leads a group of its own.
  private let leadGroups: Bool
  private let copies: [StreamCopy]
  /// The end of a pipe that only this process holds: the steps see when it is gone, see `Lifeline`.
  private let lifeline: Int32
  /// What reads their standard errors; nil where they share that of this process.
  private let reports: StepReports?

  /// Starts a program once for each command.
  ///
  /// The first one reads nothing from the standard input.
  ///
  /// - Parameters:
  ///   - commands: what each is given after its name.
  ///   - program: its path; nil for this program.
  ///   - output: what the last one writes to; nil for the standard output.
  ///   - errors: what all of them write their messages to; nil for the standard error, or who draws.
  ///   - fed: a file whose bytes the first one reads through a pipe, as it would read those of another process; nil for none.
  ///   - recordings: what is written down of the stream behind a process, by its number.
  ///   - dataset: the dataset that they make, which their JSON lines name.
  ///   - report: who draws what they do, where it draws: they have to report in JSON then. Nil for the standard error as it is.
  /// - Throws: `DataError` (`.io`) when the system refuses a process or a pipe; none is left running then.
  init(
    _ commands: [[String]], program: String? = nil, output: Int32? = nil, errors: Int32? = nil, fed: Int32? = nil,
    recordings: [Int: StepRecording] = [:], makes dataset: String? = nil, drawnBy report: Reporter? = nil
  ) throws(DataError) {
    // Only the foreground group of a terminal may read from it, as ssh does that asks for a password.
    let leadGroups = program != nil && !isInForeground()
    var copies: [StreamCopy] = []
    var started: [pid_t] = []
    var collected: [Int32] = []
    var line: [Int32] = [-1, -1]
    guard pipe(&line) == 0 else { throw systemFailure("no pipe could be made") }
    _ = fcntl(line[1], F_SETFD, FD_CLOEXEC)
    // The steps have their own.
    defer { close(line[0]) }
    // What the next process reads from.
    var input = open("/dev/null", O_RDONLY | O_CLOEXEC)
    do throws(DataError) {
      if let fed {
        close(input)
        input = -1
        let ends = try closedOnExec()
        copies.append(StreamCopy(from: fcntl(fed, F_DUPFD_CLOEXEC, 3), to: ends.write))
        input = ends.read
      }
      for (index, words) in commands.enumerated() {
        let isLast = index == commands.count - 1
        let ends = isLast ? (read: -1, write: -1) : try closedOnExec()
        defer { close(ends.write) }
        do throws(DataError) {
          var said: (read: Int32, write: Int32) = (-1, -1)
          if report?.isDrawing ?? false {
            said = try closedOnExec()
            collected.append(said.read)
          }
          defer { close(said.write) }
          started.append(
            try spawn(
              program, words, input: input, output: isLast ? output ?? -1 : ends.write, errors: errors ?? said.write,
              lifeline: line[0], leadsGroup: leadGroups, makes: dataset))
        } catch {
          close(ends.read)
          throw error
        }
        close(input)
        input = ends.read
        if let recording = recordings[index], !isLast {
          let next = try closedOnExec()
          copies.append(StreamCopy(from: input, to: next.write, recording: recording))
          input = next.read
        }
      }
    } catch {
      close(input)
      close(line[1])
      for end in collected { close(end) }
      for process in started {
        _ = Glibc.kill(process, SIGKILL)
        _ = exitCode(of: process)
      }
      throw error
    }
    processes = started
    areOurs = program == nil
    self.leadGroups = leadGroups
    self.copies = copies
    state = Mutex(State(running: Set(started)))
    lifeline = line[1]
    reports = collected.isEmpty ? nil : report.map { StepReports(collected, of: commands.map { $0[0] }, to: $0) }
    do throws(DataError) {
      try reports?.start()
    } catch {
      kill()
      throw error
    }
  }

  deinit { close(lifeline) }

  /// Waits for all of them; the exit code of each, 128 and the signal's number for one that was killed.
  ///
  /// What they said is shown by then, and what was recorded is complete. Where one fails, those before it are ended: what they compute has no
  /// reader any more, which they would only notice when they write.
  func wait() -> [Int32] {
    defer {
      for copy in copies { _ = copy.wait() }
      reports?.finish()
    }
    let watches = processes.indices.map { StepWatch(of: self, $0) }
    return watches.map { $0.wait() }
  }

  /// Waits for one of them; its exit code, that of a lost reader for one that was ended because another failed.
  fileprivate func end(ofStep index: Int) -> Int32 {
    let process = processes[index]
    var information = siginfo_t()
    // Leaves the number taken until nobody can send a signal to it any more.
    while waitid(P_PID, id_t(process), &information, WEXITED | WNOWAIT) != 0, errno == EINTR {}
    let (code, wasEnded) = state.withLock { state in
      state.running.remove(process)
      return (exitCode(of: process), state.ended.contains(process))
    }
    if ![0, ExitStatus.brokenPipe.rawValue, Self.endedEarly].contains(code) { endSteps(before: index) }
    return wasEnded && code == ExitStatus.terminated.rawValue ? ExitStatus.brokenPipe.rawValue : code
  }

  /// Ends those that still run some time after one behind them has failed.
  private func endSteps(before index: Int) {
    let earlier = Set(processes[..<index])
    // Most end of themselves, and say what they have to say: the failure may be theirs.
    for _ in 0..<100 where state.withLock({ !$0.running.isDisjoint(with: earlier) }) { usleep(10_000) }
    state.withLock { state in
      for process in state.running.intersection(earlier) {
        _ = Glibc.kill(process, SIGTERM)
        state.ended.insert(process)
      }
    }
  }

  /// Ends all of them at once: what they were making has no name yet.
  func kill() { send(SIGKILL) }

  /// Sends all of them a signal; after SIGKILL it waits until they are gone, so that none still touches what is then removed.
  ///
  /// One that the system holds (a file system that does not answer) is waited for during a second. To SIGINT our own steps are asked in a way
  /// that counts once, for they may have it from the terminal already, and a second one would make them give up.
  func send(_ number: Int32) {
    state.withLock { state in
      guard number != SIGINT || !areOurs else {
        var byte: UInt8 = 0
        _ = Glibc.write(lifeline, &byte, 1)
        return
      }
      for process in state.running { _ = Glibc.kill(leadGroups ? -process : process, number) }
    }
    guard number == SIGKILL else { return }
    for _ in 0..<1000 where processes.contains(where: isAlive) { usleep(1000) }
  }

  /// The exit code by which a step tells its run that a signal ended it early, with a valid result of less; nobody else sees it.
  static let endedEarly: Int32 = 76

  /// Which step's exit code tells why the others failed: the first one, unless it only lost its reader.
  static func culprit(_ codes: [Int32]) -> Int? {
    codes.firstIndex { $0 != 0 && $0 != ExitStatus.brokenPipe.rawValue } ?? codes.firstIndex { $0 != 0 }
  }
}

/// A thread that waits for one of the processes, so that it is known at once which one ends first.
///
/// Unchecked: the thread owns the code until it was waited for.
private final class StepWatch: @unchecked Sendable {
  private let processes: StepProcesses
  private let index: Int
  private var thread = pthread_t()
  private var hasThread = false
  private var code: Int32 = 0

  init(of processes: StepProcesses, _ index: Int) {
    self.processes = processes
    self.index = index
    let context = Unmanaged.passRetained(self)
    let status = pthread_create(
      &thread, nil,
      { context in
        guard let context else { return nil }
        let watch = Unmanaged<StepWatch>.fromOpaque(context).takeRetainedValue()
        watch.code = watch.processes.end(ofStep: watch.index)
        return nil
      }, context.toOpaque())
    hasThread = status == 0
    if !hasThread { context.release() }
  }

  /// Waits for the process; its exit code.
  func wait() -> Int32 {
    // Where the system gives no thread, they are waited for one after the other.
    guard hasThread else { return processes.end(ofStep: index) }
    pthread_join(thread, nil)
    return code
  }
}

/// A pipe whose ends no other process inherits.
private func closedOnExec() throws(DataError) -> (read: Int32, write: Int32) {
  var ends: [Int32] = [-1, -1]
  guard pipe(&ends) == 0 else { throw systemFailure("no pipe could be made") }
  for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
  return (ends[0], ends[1])
}

private func spawn(
  _ program: String?, _ words: [String], input: Int32, output: Int32, errors: Int32, lifeline: Int32,
  leadsGroup: Bool, makes dataset: String?
) throws(DataError) -> pid_t {
  var actions = posix_spawn_file_actions_t()
  posix_spawn_file_actions_init(&actions)
  defer { posix_spawn_file_actions_destroy(&actions) }
  posix_spawn_file_actions_adddup2(&actions, input, 0)
  if output >= 0 { posix_spawn_file_actions_adddup2(&actions, output, 1) }
  if errors >= 0 { posix_spawn_file_actions_adddup2(&actions, errors, 2) }

  var attributes = posix_spawnattr_t()
  posix_spawnattr_init(&attributes)
  defer { posix_spawnattr_destroy(&attributes) }
  // This process ignores SIGPIPE; its steps should begin as those of a shell do.
  var defaults = sigset_t()
  sigemptyset(&defaults)
  sigaddset(&defaults, SIGPIPE)
  posix_spawnattr_setsigdefault(&attributes, &defaults)
  // A group of its own number.
  posix_spawnattr_setpgroup(&attributes, 0)
  posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGDEF | (leadsGroup ? POSIX_SPAWN_SETPGROUP : 0)))

  var variables = ProcessInfo.processInfo.environment
  variables[Lifeline.variable] = String(lifeline)
  variables[Reporter.datasetVariable] = dataset
  let environment = variables.map { "\($0.key)=\($0.value)" }.sorted()
  var process: pid_t = 0
  let failure = withCStrings([program ?? "pipe"] + words) { arguments in
    withCStrings(environment) { environment in
      posix_spawn(&process, program ?? "/proc/self/exe", &actions, &attributes, arguments, environment)
    }
  }
  guard failure == 0 else { throw systemFailure("\(program ?? "pipe") \(words[0]) could not be started", failure) }
  return process
}

func withCStrings<Result>(
  _ texts: [String], _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>) -> Result
) -> Result {
  let pointers = texts.map { strdup($0) } + [nil]
  defer { for pointer in pointers { free(pointer) } }
  return pointers.withUnsafeBufferPointer { buffer in
    guard let base = buffer.baseAddress else { preconditionFailure("a list that ends with nil is empty") }
    return body(base)
  }
}

/// Whether a process has not ended yet; one that was waited for has.
private func isAlive(_ process: pid_t) -> Bool {
  var information = siginfo_t()
  let status = waitid(P_PID, id_t(process), &information, WEXITED | WNOHANG | WNOWAIT)
  // Nothing is filled in for one that still runs.
  return status == 0 && information.si_signo == 0
}

/// Whether the terminal that controls this process lets it read.
private func isInForeground() -> Bool {
  let terminal = open("/dev/tty", O_RDONLY | O_NOCTTY | O_CLOEXEC)
  guard terminal >= 0 else { return false }
  defer { close(terminal) }
  return tcgetpgrp(terminal) == getpgrp()
}

/// How a process has ended; 75 where that cannot be found out, because the system keeps no record of it.
private func exitCode(of process: pid_t) -> Int32 {
  var status: Int32 = 0
  while waitpid(process, &status, 0) < 0 {
    if errno != EINTR { return ExitStatus.temporary.rawValue }
  }
  let signal = status & 0x7f
  return signal == 0 ? (status >> 8) & 0xff : 128 + signal
}
