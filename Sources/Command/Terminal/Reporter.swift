internal import Catalog
internal import Datasets
internal import Glibc
internal import Synchronization
public import Streaming

/// Everything that is said on the standard error: log, warnings, the final error, and progress.
///
/// Safe to call from any thread. A line is written by one call, so lines of several processes of a shell pipe do not mix.
public final class Reporter: Sendable {
  /// How progress is shown.
  enum Mode: Sendable, Equatable {
    /// A line for each stage, drawn over and over, on a terminal.
    case bar
    /// A line now and then, where there is no terminal.
    case lines
    /// JSON lines; log and errors too, so that a program can read all of it.
    case json
    /// Not at all.
    case never
  }

  private struct State: ~Copyable {
    var meters: [String: Meter] = [:]
    /// The last event of each stage that was not shown, in the order in which they came.
    var unseen: [ProgressEvent] = []
    /// How long each stage took, in the order in which they began; kept for `--verbose` only.
    var times: [StageTime] = []
    var board = Board()
    var screen = Screen()
    /// When the board was drawn last.
    var drawnAt = -Double.infinity
    var claim = TerminalClaim()
  }

  /// Who speaks: `pipe condense`.
  let name: String
  let mode: Mode
  private let isQuiet: Bool
  private let isVerbose: Bool
  private let terminal: Terminal
  /// The dataset that this process is a step of, in a run; JSON lines name it.
  private let dataset: String?
  private let started = ContinuousClock.now
  private let state = Mutex(State())

  /// The variable that tells a step of a run which dataset it makes.
  static let datasetVariable = "PIPE_RUN_DATASET"

  init(name: String, mode: Mode, quiet: Bool = false, verbose: Bool = false, terminal: Terminal) {
    self.name = name
    self.mode = mode
    self.isQuiet = quiet
    self.isVerbose = verbose
    self.terminal = terminal
    dataset = mode == .json ? variable(Self.datasetVariable) : nil
  }

  /// The reporter that a verb's options ask for.
  convenience init(_ verb: Verb, _ arguments: Arguments, _ terminal: Terminal) {
    guard verb.option("progress") != nil else {
      self.init(name: "pipe \(verb.name)", mode: .never, terminal: terminal)
      return
    }
    let quiet = arguments.flag("quiet")
    let mode: Mode =
      switch arguments.choice("progress") {
      case "json": .json
      case "never": .never
      case "always": terminal.canDraw ? .bar : .lines
      default: terminal.canDraw && !quiet ? .bar : .never
      }
    self.init(
      name: "pipe \(verb.name)", mode: mode, quiet: quiet,
      verbose: verb.option("verbose") != nil && arguments.flag("verbose"), terminal: terminal)
  }

  /// The verb's name alone.
  var verb: String { name.split(separator: " ").last.map(String.init) ?? name }

  /// Whether `--verbose` was typed.
  public var verbose: Bool { isVerbose }

  /// Says something worth knowing; nothing under `--quiet`.
  public func log(_ sentence: String) {
    if !isQuiet { say(sentence, kind: "log") }
  }

  /// Tells programs what the work will take: for `--dry-run`, beside the lines for people.
  public func estimate(seconds: Double, memoryBytes: Int) {
    event("estimate", [("seconds", .number(seconds)), ("memory_bytes", .integer(memoryBytes))])
  }

  /// Says a detail, under `--verbose` only.
  public func detail(_ sentence: String) {
    if isVerbose { say(sentence, kind: "detail") }
  }

  /// What measures the work of a verb, for `detail(_:)` to show in the end; nil without `--verbose`.
  public func workTimes() -> WorkTimes? {
    guard isVerbose else { return nil }
    return WorkTimes {
      var time = timespec()
      clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
      return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
    }
  }

  /// Says where the time went, under `--verbose` only.
  public func detail(_ times: WorkTimes?) {
    guard let totals = times?.totals, !totals.isEmpty else { return }
    let parts = totals.map { "\($0.work) \(fixed($0.seconds, 3)) s" }
    detail("processor time: \(parts.joined(separator: ", "))")
  }

  /// Says something that the user should act on or has asked for; also under `--quiet`.
  public func warn(_ sentence: String) {
    say(sentence, kind: "warning")
  }

  /// Says something that only programs read; nothing unless progress is JSON.
  func event(_ name: String, _ members: [(key: String, value: JSONText)]) {
    guard mode == .json else { return }
    put([("event", .string(name)), ("verb", .string(verb))] + members)
  }

  /// Shows how far a stage is.
  ///
  /// Cheap enough for every sample: most calls draw nothing.
  public func progress(_ event: ProgressEvent) {
    guard mode != .never || isVerbose else { return }
    let now = seconds(since: started)
    state.withLock { state in
      if isVerbose { StageTime.note(event, at: now, in: &state.times) }
      if mode == .never { return }
      if mode == .bar {
        state.board.update(event, at: now)
        if now - state.drawnAt >= 0.1 || event.done == event.total { draw(&state, at: now) }
        return
      }
      var meter = state.meters[event.stage] ?? Meter(startedAt: now)
      meter.update(event, at: now)
      let isDue = meter.isDue(event, at: now, every: mode == .json ? 0.5 : 10)
      if isDue { meter.lastShown = now }
      state.meters[event.stage] = meter
      state.unseen.removeAll { $0.stage == event.stage }
      if isDue { show(event, meter, &state) } else { state.unseen.append(event) }
    }
  }

  /// `progress(_:)` as a value, for stages and methods.
  public var progressHandler: ProgressHandler { { self.progress($0) } }

  /// Whether stages are drawn on a terminal.
  var isDrawing: Bool { mode == .bar }

  /// Shows what a step of a run said, as the step itself would have shown it.
  func relay(_ said: StepLine, of step: String, step number: Int) {
    if let event = said.progress {
      let now = seconds(since: started)
      state.withLock { state in
        state.board.update(event, from: number, at: now)
        if now - state.drawnAt >= 0.1 || event.done == event.total { draw(&state, at: now) }
      }
      return
    }
    switch said.event {
    case "bad_sample": write("\(said.place ?? ""): \(said.reason ?? "")", by: step, kind: "error")
    case "progress": break
    default:
      if let rest = said.rest { write(rest, by: step, kind: said.event) }
      if let message = said.message { write(message, by: step, kind: said.event) }
    }
  }

  /// Shows a line of a step that is no event.
  func relay(raw line: String) { write(line: printable(line, allowing: ["\t"])) }

  /// Notes that a step of a run has ended.
  func closed(step number: Int) {
    let now = seconds(since: started)
    state.withLock { state in state.board.close(number, at: now) }
  }

  /// Takes the board away, and forgets its stages.
  func clearBoard() {
    state.withLock { state in
      Command.put(state.screen.clear(width: width))
      state.board.removeAll()
    }
  }

  /// Draws the board anew: the window has another size, or time has passed.
  func redraw() {
    guard mode == .bar else { return }
    let now = seconds(since: started)
    state.withLock { state in if state.screen.isDrawn { draw(&state, at: now) } }
  }

  /// Takes the board away; elsewhere, shows how far each stage came in the end.
  ///
  /// With `--verbose` it says what each stage did in which time, and what the whole took.
  func finish() {
    let times = state.withLock { state in
      for event in state.unseen where mode == .json || mode == .lines {
        if let meter = state.meters[event.stage] { show(event, meter, &state) }
      }
      state.unseen = []
      Command.put(state.screen.clear(width: width))
      state.board.removeAll()
      state.claim.release()
      return state.times
    }
    guard isVerbose else { return }
    for time in times { detail(time.text) }
    detail("took \(durationText(seconds(since: started))) and at most \(sizeText(peakMemory())) of memory")
  }

  /// Says why the program ends; before it, one line for each sample that is at fault.
  func fail(_ sentence: String, exitCode: Int32, badSamples: BadSamples? = nil) {
    for sample in badSamples?.samples ?? [] {
      if mode == .json {
        let members: [(key: String, value: JSONText)] = [("event", .string("bad_sample")), ("verb", .string(verb))]
        put(members + sample.members)
      } else {
        say("\(sample.place): \(sample.reason)", kind: "error")
      }
    }
    if mode != .json, let rest = badSamples?.rest { say(rest, kind: "error") }
    say(sentence, kind: "error", exitCode: exitCode, rest: badSamples?.rest)
  }

  private func say(_ sentence: String, kind: String, exitCode: Int32? = nil, rest: String? = nil) {
    if mode == .json {
      var members: [(key: String, value: JSONText)] = [("event", .string(kind)), ("verb", .string(verb))]
      if let exitCode { members.append(("exit_code", .integer(Int(exitCode)))) }
      members.append(("message", .string(sentence)))
      if let rest { members.append(("rest", .string(rest))) }
      put(members)
      return
    }
    write(sentence, by: name, kind: kind)
  }

  /// Writes a line where the board is, which moves down.
  private func write(_ sentence: String, by name: String, kind: String) {
    let head = paint(name + ":", kind == "error" ? "1;31" : kind == "warning" ? "1;33" : "1")
    write(line: "\(head) \(printable(sentence))")
  }

  private func write(line: String) {
    let now = seconds(since: started)
    state.withLock { state in
      guard state.screen.isDrawn else {
        // Any process of the shell pipe may have drawn a bar on this line.
        Command.put("\(terminal.canDraw ? "\r\u{1B}[K" : "")\(line)\n")
        return
      }
      // In one piece, so that the board does not flicker.
      let (clear, lines) = (state.screen.clear(width: width), state.board.lines(style, at: now))
      Command.put("\(clear)\(line)\n\(state.screen.draw(lines, width: width))")
    }
  }

  private func show(_ event: ProgressEvent, _ meter: Meter, _ state: inout State) {
    switch mode {
    case .never, .bar: break
    case .json: put(meter.json(event))
    case .lines: Command.put(name + ": " + printable(meter.line(event)) + "\n")
    }
  }

  /// Writes a JSON line.
  private func put(_ members: [(key: String, value: JSONText)]) {
    let place = dataset.map { [(key: "dataset", value: JSONText.string($0))] } ?? []
    Command.put(JSONText.object(members + place).rendered() + "\n")
  }

  private func draw(_ state: inout State, at now: Double) {
    guard state.claim.holds() else { return }
    state.drawnAt = now
    Command.put(state.screen.draw(state.board.lines(style, at: now), width: width))
  }

  /// Columns of the terminal, which may have changed.
  private var width: Int { Terminal.size().width }

  private var style: Board.Style {
    let size = Terminal.size()
    return Board.Style(
      width: size.width, height: size.height, isUnicode: terminal.isUnicode, isColored: terminal.color,
      isShared: terminal.isShared)
  }

  private func paint(_ text: String, _ code: String) -> String {
    terminal.color ? "\u{1B}[\(code)m\(text)\u{1B}[0m" : text
  }
}

/// The most memory that this program has held at once, in bytes.
///
/// Not what `getrusage` says: that begins with what the process held which started the program.
private func peakMemory() -> Int {
  guard let file = fopen("/proc/self/status", "r") else { return 0 }
  defer { fclose(file) }
  var line: UnsafeMutablePointer<CChar>?
  var capacity = 0
  defer { free(line) }
  while getline(&line, &capacity, file) > 0 {
    guard let line, strncmp(line, "VmHWM:", 6) == 0 else { continue }
    return Int(strtol(line + 6, nil, 10)) << 10
  }
  return 0
}

private func put(_ text: String) {
  if text.isEmpty { return }
  var text = text
  // Where the standard error is closed there is nobody to tell.
  _ = text.withUTF8 { writeAll(UnsafeRawBufferPointer($0), to: 2) }
}

private func seconds(since start: ContinuousClock.Instant) -> Double {
  let (seconds, attoseconds) = start.duration(to: .now).components
  return Double(seconds) + Double(attoseconds) * 1e-18
}
