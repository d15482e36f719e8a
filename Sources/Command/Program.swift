internal import Catalog
internal import Datasets
internal import Glibc
internal import Synchronization

/// The whole life of either executable: reads the command line, runs the verb, turns the outcome into an exit code.
///
/// - Parameters:
///   - tool: the executable's name.
///   - runners: the verbs that it can run itself.
///   - sibling: the executable beside it that runs verbs which need tensors; nil in that one.
public func main(tool: String, runners: [VerbRunner], sibling: String?) async -> Never {
  // A reader that goes away is an error of `write`, not the end of the process.
  _ = signal(SIGPIPE, SIG_IGN)
  // And so is a file that may not grow any further (`ulimit -f`).
  _ = signal(SIGXFSZ, SIG_IGN)
  // Where the parent ignores it, as a daemon may, the system would not tell how our own processes end.
  _ = signal(SIGCHLD, SIG_DFL)
  fillClosedStandardStreams()
  // Before any of our own is open.
  _ = InheritedDescriptors.all
  if let problem = tooFewDescriptors() ?? badWord() {
    let reporter = Reporter(name: tool, mode: .never, terminal: Terminal.current())
    reporter.fail(problem, exitCode: ExitStatus.usage.rawValue)
    _exit(ExitStatus.usage.rawValue)
  }
  let code = await Program(tool: tool, runners: runners, sibling: sibling).run(Array(CommandLine.arguments.dropFirst()))
  fflush(nil)
  // Not `exit`: threads of the tensor library may still be running while its destructors do.
  _exit(code)
}

/// What is wrong where the process may open too few files; the concurrency runtime would crash.
private func tooFewDescriptors() -> String? {
  let needed = 16
  if openable(needed) { return nil }
  // The limit in force may be lower than the one that is allowed.
  var limit = rlimit()
  let files = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
  if getrlimit(files, &limit) == 0, limit.rlim_cur < limit.rlim_max {
    limit.rlim_cur = limit.rlim_max
    if setrlimit(files, &limit) == 0, openable(needed) { return nil }
  }
  return "fewer than \(needed) files can be opened; raise the limit, as with ulimit -n 64"
}

/// Whether so many files can be opened at once.
private func openable(_ count: Int) -> Bool {
  var opened: [Int32] = []
  defer { for descriptor in opened { close(descriptor) } }
  for _ in 0..<count {
    let descriptor = open("/dev/null", O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return false }
    opened.append(descriptor)
  }
  return true
}

/// What is wrong with a word of the command line that is not UTF-8: it could not be told from another one.
private func badWord() -> String? {
  for index in 1..<max(1, Int(CommandLine.argc)) {
    guard let word = CommandLine.unsafeArgv[index], String(validatingCString: word) == nil else { continue }
    let bytes = UnsafeBufferPointer(start: word, count: strlen(word)).map { UInt8(bitPattern: $0) }
    let text = bytes.map { $0 < 0x80 ? String(UnicodeScalar($0)) : "\\x" + String($0, radix: 16) }.joined()
    return "\(quoted(text)) is not valid UTF-8; rename the file, or link to it under another name"
  }
  return nil
}

private struct Program {
  let tool: String
  let runners: [VerbRunner]
  let sibling: String?
  let terminal = Terminal.current()

  func run(_ words: [String]) async -> Int32 {
    let words = spelledOut(words)
    guard let name = words.first else {
      complain(Help.brief(), as: tool)
      return ExitStatus.usage.rawValue
    }
    do {
      guard let verb = Catalog.verb(name) else { throw unknownVerb(name) }
      return await run(verb, words)
    } catch {
      return report(error, Reporter(name: tool, mode: .never, terminal: terminal))
    }
  }

  /// `--help` and `--version` are verbs too.
  private func spelledOut(_ words: [String]) -> [String] {
    switch words.first {
    case "--help", "-h": ["help"] + words.dropFirst()
    case "--version", "-V": ["version"] + words.dropFirst()
    default: words
    }
  }

  private func run(_ verb: Verb, _ words: [String]) async -> Int32 {
    var reporter = Reporter(name: "pipe \(verb.name)", mode: asksForJSON(words) ? .json : .never, terminal: terminal)
    do {
      var arguments = try Arguments(Array(words.dropFirst()), for: verb)
      if arguments.asksForHelp {
        try StandardOutput().write(Help.of(verb, method: arguments.typedMethod, width: terminal.width))
        return ExitStatus.ok.rawValue
      }
      reporter = Reporter(verb, arguments, terminal)
      try arguments.expandInputs()
      try checkStreams(verb, arguments)
      try checkStandardInput(arguments)
      try checkPlaces(arguments)
      let needsTensors = verb.needsTensors || verb.tensorOption.map { arguments.given($0) } ?? false
      guard needsTensors == (sibling == nil), let runner = runners.first(where: { $0.verb == verb.name }) else {
        return try handOver(verb, words, arguments, needsTensors: needsTensors)
      }
      return try await run(runner, verb, arguments, reporter)
    } catch {
      return report(error, reporter)
    }
  }

  private func run(
    _ runner: VerbRunner, _ verb: Verb, _ arguments: Arguments, _ reporter: Reporter
  ) async throws -> Int32 {
    let keeps = verb.option("on-term") != nil && arguments.choice("on-term") == "keep"
    let interrupts = Interrupts(interruption(of: verb, arguments), keepsOnTermination: keeps, report: reporter)
    let invocation = Invocation(arguments: arguments, terminal: terminal, report: reporter, interrupts: interrupts)
    let work = Work()
    do {
      // Before the work begins: it may make a folder at once, which a signal must not leave behind.
      try interrupts.install { work.cancel() }
      let task = work.start {
        try await Farewell.expecting({ end in
          reporter.finish()
          if let sentence = end.sentence { reporter.fail(sentence, exitCode: end.exitCode) }
        }) { try await runner.run(invocation) }
      }
      let status = try await task.value
      reporter.finish()
      guard status == .ok || status == .interrupted, let signal = interrupts.signal else { return status.rawValue }
      // What a signal cut short is whole. Only the run that this is a step of knows whether the signal was meant for it.
      if Lifeline.isHeld { return interrupts.cutWorkShort ? StepProcesses.endedEarly : status.rawValue }
      if status == .interrupted { return 128 + signal }
      // What --on-term keep kept is there; the exit code still tells that it is not all.
      return keeps && signal != SIGINT ? 128 + signal : status.rawValue
    } catch {
      reporter.finish()
      let path = verb.option("output").flatMap { _ in arguments.path("output") }
      let writesToOutput = path.map { openDescriptor(named: $0) == 1 } ?? (verb.option("output") == nil)
      if verb.option("json") != nil, arguments.flag("json"), let bad = ErrorReport(error, verb: verb.name).badSamples {
        try? StandardOutput().write(bad.json.rendered(indented: true) + "\n")
      }
      return report(error, reporter, signal: interrupts.signal, writesToOutput: writesToOutput)
    }
  }

  /// A verb that reads files has no upstream to wait for.
  private func interruption(of verb: Verb, _ arguments: Arguments) -> Interruption {
    guard verb.interruption == .waitForUpstream, let option = verb.samplesOption else { return verb.interruption }
    return arguments.paths(option).contains("-") ? .waitForUpstream : .stop
  }

  /// Refuses to read samples from a keyboard and to write them on a screen.
  private func checkStreams(_ verb: Verb, _ arguments: Arguments) throws {
    if let option = verb.samplesOption, terminal.isInput, arguments.paths(option).contains("-") {
      if !arguments.given(option), arguments.choice("progress") != "json" {
        complain(Help.brief(verb), as: tool)
      }
      throw UsageError(
        "there is no input: samples cannot be typed",
        hint: "redirect or pipe an archive in, or name it with --\(option) PATH")
    }
    if verb.writesBinary, terminal.isOutput, let path = arguments.path("output"), openDescriptor(named: path) == 1,
      !dryRun(verb, arguments)
    {
      throw UsageError(
        "binary data does not belong on a terminal",
        hint: verb.samplesOption == nil
          ? "add -o FILE or redirect the output" : "add | pipe shard, or -o FILE, or redirect the output")
    }
  }

  private func dryRun(_ verb: Verb, _ arguments: Arguments) -> Bool {
    verb.option("dry-run") != nil && arguments.flag("dry-run")
  }

  /// Becomes the sibling.
  ///
  /// Decided from the arguments alone: whatever was read from the standard input would be lost.
  private func handOver(
    _ verb: Verb, _ words: [String], _ arguments: Arguments, needsTensors: Bool
  ) throws -> Int32 {
    guard needsTensors, let name = sibling else {
      throw UsageError("\(tool) cannot run \(verb.name)", hint: "use pipe \(verb.name)")
    }
    guard let program = Sibling.beside(name) else {
      throw UsageError(
        "\(verb.name) runs in the program \(name), which is not beside pipe",
        hint: "build it with `swift build -c release` (without PIPE_TORCH=0) and put both into the same folder")
    }
    if let absence = program.absence { throw absence }
    let threads = verb.option("threads") == nil ? nil : arguments.integer("threads")
    if let lack = Sibling.lack(threads: min(threads ?? processorCount, processorCount)) { throw lack }
    program.exec(words)
    throw UsageError("\(program.path) cannot be started: \(String(cString: strerror(errno)))")
  }

  /// Whether the words ask for JSON lines, also where something else is wrong with them.
  private func asksForJSON(_ words: [String]) -> Bool {
    words.contains("--progress=json") || zip(words, words.dropFirst()).contains { $0 == "--progress" && $1 == "json" }
  }

  private func unknownVerb(_ name: String) -> UsageError {
    let near = nearest(to: name, among: Catalog.verbs.map(\.name)).map { "did you mean pipe \($0)?" }
    return name.hasPrefix("-")
      ? UsageError("\(tool) has no option \(name)", hint: "options come after a verb; see pipe --help")
      : UsageError("there is no verb \(quoted(name))", hint: near ?? "see pipe --help")
  }

  private func complain(_ text: String, as name: String) {
    var text = text
    _ = text.withUTF8 { writeAll(UnsafeRawBufferPointer($0), to: 2) }
  }

  private func report(
    _ error: any Error, _ reporter: Reporter, signal: Int32? = nil, writesToOutput: Bool = true
  ) -> Int32 {
    let report = ErrorReport(error, verb: reporter.verb, signal: signal)
    if report.exitCode == ExitStatus.io.rawValue, writesToOutput, standardOutputIsBroken() {
      return ExitStatus.brokenPipe.rawValue
    }
    if let sentence = report.sentence {
      reporter.fail(sentence, exitCode: report.exitCode, badSamples: report.badSamples)
    }
    return report.exitCode
  }
}

/// The one task that nobody's scope owns: a signal must be able to cancel it, also one that comes before it begins.
private final class Work: Sendable {
  private let state = Mutex<(task: Task<ExitStatus, any Error>?, isCancelled: Bool)>((nil, false))

  func start(_ body: @escaping @Sendable () async throws -> ExitStatus) -> Task<ExitStatus, any Error> {
    let task = Task { try await body() }
    let isCancelled = state.withLock { state in
      state.task = task
      return state.isCancelled
    }
    if isCancelled { task.cancel() }
    return task
  }

  func cancel() {
    let task = state.withLock { state in
      state.isCancelled = true
      return state.task
    }
    task?.cancel()
  }
}
