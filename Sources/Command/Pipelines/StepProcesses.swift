internal import Datasets
internal import FoundationEssentials
internal import Glibc
internal import Synchronization

/// The processes of one dataset, joined by pipes as a shell joins them.
///
/// They share this process's group and standard error, so Ctrl-C reaches each of them, and each says itself what is wrong.
final class StepProcesses: Sendable {
  private let processes: [pid_t]
  /// Those that were not waited for: only these may be sent a signal, for the numbers of others may be taken again.
  private let running: Mutex<Set<pid_t>>
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
              lifeline: line[0], makes: dataset))
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
    self.copies = copies
    running = Mutex(Set(started))
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
  /// What they said is shown by then, and what was recorded is complete.
  func wait() -> [Int32] {
    defer {
      for copy in copies { _ = copy.wait() }
      reports?.finish()
    }
    return processes.map { process in
      var information = siginfo_t()
      // Leaves the number taken until nobody can send a signal to it any more.
      while waitid(P_PID, id_t(process), &information, WEXITED | WNOWAIT) != 0, errno == EINTR {}
      return running.withLock { running in
        running.remove(process)
        return exitCode(of: process)
      }
    }
  }

  /// Ends all of them at once: what they were making has no name yet.
  func kill() { send(SIGKILL) }

  /// Sends all of them a signal; after SIGKILL it waits until they are gone, so that none still touches what is then removed.
  ///
  /// One that the system holds (a file system that does not answer) is waited for during a second.
  func send(_ number: Int32) {
    running.withLock { running in
      for process in running { _ = Glibc.kill(process, number) }
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

/// A pipe whose ends no other process inherits.
private func closedOnExec() throws(DataError) -> (read: Int32, write: Int32) {
  var ends: [Int32] = [-1, -1]
  guard pipe(&ends) == 0 else { throw systemFailure("no pipe could be made") }
  for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
  return (ends[0], ends[1])
}

private func spawn(
  _ program: String?, _ words: [String], input: Int32, output: Int32, errors: Int32, lifeline: Int32,
  makes dataset: String?
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
  posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGDEF))

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

private func exitCode(of process: pid_t) -> Int32 {
  var status: Int32 = 0
  while waitpid(process, &status, 0) < 0, errno == EINTR {}
  let signal = status & 0x7f
  return signal == 0 ? (status >> 8) & 0xff : 128 + signal
}
