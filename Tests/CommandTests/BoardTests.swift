import Foundation
import Streaming
import Testing

@testable import Command

@Suite("The board of a terminal") struct BoardTests {
  private func event(
    _ stage: String, _ done: Int, of total: Int? = nil, unit: String = "samples", loss: Double? = nil,
    accuracy: Double? = nil
  ) -> ProgressEvent {
    ProgressEvent(stage: stage, done: done, total: total, unit: unit, loss: loss, accuracy: accuracy)
  }

  /// A run of three steps in the middle of its second one, after 20 seconds.
  private func board() -> Board {
    var board = Board()
    for second in 0...3 { board.update(event("decode", 20_000 * second, of: 60_000), from: 0, at: Double(second)) }
    for step in 0...30 {
      board.update(
        event("dm", 10 * step, of: 600, unit: "steps", loss: 0.4312), from: 1, at: 5 + Double(step) * 0.5)
    }
    board.update(event("dm", 300, of: 600, unit: "steps", accuracy: 0.5123), from: 1, at: 20)
    board.update(event("write", 40), from: 2, at: 20)
    return board
  }

  private func text(_ board: Board, _ style: Board.Style, at now: Double = 20) -> [String] {
    board.lines(style, at: now).map(\.text)
  }

  @Test func `every stage has a line, in the order of the pipe`() {
    let lines = text(board(), Board.Style(width: 120, height: 30))
    #expect(
      lines == [
        "* decode  ########################  60,000/60,000 samples  20000/s  3s",
        "  dm      ############------------  300/600 steps  20.0/s  loss 0.431  accuracy 51.2 %  15s left",
        "  write                             40 samples",
      ])
  }

  @Test func `a terminal with more signs and colours gets them, and the columns stay the same`() {
    let plain = board().lines(Board.Style(width: 100, height: 30), at: 20)
    let rich = board().lines(Board.Style(width: 100, height: 30, isUnicode: true, isColored: true), at: 20)
    #expect(rich.map(\.columns) == plain.map(\.columns))
    #expect(rich[0].text.contains("✓") && rich[1].text.contains("━") && rich[1].text.contains("\u{1B}[36m"))
    #expect(!plain.contains { $0.text.contains("\u{1B}") })
    // Every colour is switched off again.
    for line in rich {
      #expect(
        line.text.components(separatedBy: "\u{1B}[0m").count * 2 - 1
          == line.text.components(separatedBy: "\u{1B}[").count)
    }
  }

  @Test(arguments: 2...140) func `no line reaches the last column, whatever the width is`(width: Int) {
    var board = board()
    board.update(event("写入数据 🎉 a long name of a stage", 3, of: 7, unit: "images", loss: 1e-9), at: 20)
    for isUnicode in [false, true] {
      let lines = board.lines(Board.Style(width: width, height: 30, isUnicode: isUnicode, isColored: isUnicode), at: 20)
      #expect(lines.count == 4)
      for line in lines {
        let plain = line.text.replacing(#/\u{1B}\[[0-9;]*m/#, with: "")
        #expect(columns(of: plain) == line.columns && line.columns < width, "\(plain)")
      }
    }
  }

  @Test func `a narrow line keeps what matters most`() {
    let lines = text(board(), Board.Style(width: 44, height: 30))
    #expect(lines[1].contains("300/600 steps"))
    #expect(lines[1].contains("left") && !lines[1].contains("loss"))
  }

  @Test func `a low terminal shows what still runs`() {
    var board = Board()
    for stage in 0..<30 { board.update(event("network \(stage)", 10, of: 10), at: Double(stage)) }
    board.update(event("network 30", 1, of: 10), at: 31)
    for height in 1...40 {
      let lines = text(board, Board.Style(width: 80, height: height))
      #expect(lines.count <= max(1, height - 2) && lines.count <= 12)
      #expect(lines.last?.contains("network 30 ") ?? false)
    }
    #expect(text(board, Board.Style(width: 80, height: 40))[0] == "  20 stages done")
  }

  @Test func `the time that is left shrinks while a long step reports nothing`() {
    #expect(text(board(), Board.Style(width: 120, height: 30), at: 25)[1].hasSuffix("10s left"))
    #expect(text(board(), Board.Style(width: 120, height: 30), at: 90)[1].hasSuffix("0.0s left"))
  }

  @Test func `a stage that begins anew is measured anew, and keeps its accuracy`() {
    var board = Board()
    for epoch in 0...10 { board.update(event("trial", 10 * epoch, of: 100, unit: "epochs"), at: Double(epoch)) }
    board.update(event("trial", 100, of: 100, unit: "epochs", accuracy: 0.5), at: 11)
    board.update(event("trial", 1, of: 100, unit: "epochs"), at: 60)
    board.update(event("trial", 2, of: 100, unit: "epochs"), at: 61)
    let line = text(board, Board.Style(width: 120, height: 30), at: 61)[0]
    #expect(line.contains("2/100 epochs  1.00/s") && line.contains("accuracy 50.0 %") && line.contains("1m38s left"))
  }

  @Test func `among other programs there is one line, of the stage that reported last`() {
    var board = board()
    board.update(event("write", 41), from: 2, at: 21)
    let lines = text(board, Board.Style(width: 80, height: 30, isShared: true), at: 21)
    #expect(lines.count == 1 && lines[0].contains("write"))
  }

  @Test func `control characters of a name do not reach the terminal`() {
    var board = Board()
    board.update(event("a\u{1B}[2Jb", 1), at: 0)
    #expect(!text(board, Board.Style(width: 80, height: 30))[0].contains("\u{1B}"))
  }

  // MARK: On a screen

  @Test func `what is drawn takes the place of what was drawn, and goes away whole`() {
    var (screen, terminal) = (Screen(), VirtualScreen(width: 60, height: 10))
    func lines(_ texts: [String]) -> [Board.Line] { texts.map { Board.Line(text: $0, columns: $0.count) } }
    terminal.feed("pipe run: making it\r\n")
    terminal.feed(screen.draw(lines(["one", "two", "three"]), width: 60))
    #expect(terminal.lines == ["pipe run: making it", "one", "two", "three"])
    terminal.feed(screen.draw(lines(["uno", "a longer second line"]), width: 60))
    #expect(terminal.lines == ["pipe run: making it", "uno", "a longer second line"])
    terminal.feed("^C")
    terminal.feed(screen.draw(lines(["eins", "zwei", "drei", "vier"]), width: 60))
    #expect(terminal.lines == ["pipe run: making it", "eins", "zwei", "drei", "vier"])
    terminal.feed(screen.clear(width: 60) + "pipe run: made\r\n")
    #expect(terminal.lines == ["pipe run: making it", "pipe run: made"])
    #expect(screen.clear(width: 60) == "" && terminal.wraps == 0 && terminal.unknown.isEmpty)
  }

  @Test func `a board at the bottom of the screen leaves what is above as it is`() {
    var (screen, terminal) = (Screen(), VirtualScreen(width: 60, height: 5))
    for index in 0..<7 { terminal.feed("log \(index)\r\n") }
    for round in 0..<20 {
      let lines = (0..<3).map { Board.Line(text: "stage \($0) \(round)", columns: 9) }
      terminal.feed(screen.draw(lines, width: 60))
    }
    terminal.feed(screen.clear(width: 60))
    #expect(terminal.lines == (0..<7).map { "log \($0)" })
  }

  /// Terminals break the lines that no longer fit, and keep the cursor where its text is.
  @Test func `a window that became narrower is cleaned whole`() {
    var screen = Screen()
    let wide = Board.Line(text: String(repeating: "x", count: 50), columns: 50)
    _ = screen.draw([wide, wide, wide], width: 60)
    // Each of the first two takes three rows of 20 columns now.
    #expect(screen.draw([Board.Line(text: "a", columns: 1)], width: 20).hasPrefix("\r\u{1B}[6Aa\u{1B}[K\u{1B}[J"))
    #expect(screen.clear(width: 20) == "\r\u{1B}[J")
  }

  // MARK: For real

  /// What a program shows on a terminal of some size, with its output elsewhere.
  private func shown(_ line: String, columns: Int, in folder: TemporaryFolder, environment: [String: String] = [:])
    throws
    -> (status: Int32, screen: VirtualScreen, text: String)
  {
    let outcome = try run(
      ["-c", "cd '\(folder.url.path)' && stty cols \(columns) rows 30 < /dev/stderr && \(line)"],
      program: URL(filePath: "/bin/bash"), errors: .terminal,
      environment: ["PATH": "\(builtPipe.deletingLastPathComponent().path):/usr/bin:/bin"].merging(environment) { $1 })
    var screen = VirtualScreen(width: columns, height: 30)
    screen.feed(outcome.errors)
    return (outcome.status, screen, outcome.errors)
  }

  private func job() throws -> TemporaryFolder {
    let folder = try TemporaryFolder()
    _ = try folder.file(
      "job.json5",
      """
      { format: 1, datasets: [{ output: "out", input: ["\(fixtures.path)/shapes-cifar-python.tar.gz"],
        steps: [{ verb: "decode" }, { verb: "shard" }] }] }
      """)
    return folder
  }

  @Test(arguments: [30, 50, 100]) func `a run draws its steps and leaves nothing but what it said`(columns: Int) throws
  {
    let (status, screen, text) = try shown("pipe run job.json5", columns: columns, in: job())
    #expect(status == 0, "\(text)")
    #expect(text.contains("decode") && text.contains("\u{1B}["), "something was drawn")
    let said = screen.lines.joined()
    #expect(said.contains("making it") && said.contains("made, 40 samples of 10 classes"), "\(screen.lines)")
    #expect(screen.lines.allSatisfy { !$0.contains("[K") } && screen.unknown.isEmpty)
    #expect(
      screen.lines.filter { !$0.isEmpty }.joined().components(separatedBy: "pipe ").count - 1 <= 5, "\(screen.lines)")
    #expect(!said.contains("/s  ") && !said.contains("####") && !said.contains("samples  "), "\(screen.lines)")
  }

  @Test func `steps that fail say why on the terminal, too`() throws {
    let folder = try TemporaryFolder()
    _ = try folder.file(
      "job.json5",
      """
      { format: 1, datasets: [{ output: "out", input: ["\(fixtures.path)/shapes-cifar-python.tar.gz"],
        steps: [{ verb: "decode", options: { classes: ["unicorn"] } }, { verb: "shard" }] }] }
      """)
    let (status, screen, text) = try shown("pipe run job.json5", columns: 200, in: folder)
    #expect(status == 65, "\(text)")
    #expect(screen.lines.contains { $0.hasPrefix("pipe decode: ") && $0.contains("unicorn") }, "\(screen.lines)")
    #expect(screen.lines.contains { $0.hasPrefix("pipe run: ") && $0.contains("decode ended with exit code 65") })
  }

  @Test func `a dumb terminal and NO_COLOR are respected`() throws {
    let dumb = try shown("pipe run job.json5", columns: 80, in: job(), environment: ["TERM": "dumb"])
    #expect(dumb.status == 0 && !dumb.text.contains("\u{1B}"), "\(dumb.text)")
    let plain = try shown("pipe run job.json5", columns: 80, in: job(), environment: ["NO_COLOR": "1"])
    #expect(plain.status == 0 && plain.text.contains("\u{1B}[K"), "\(plain.text)")
    #expect(try #/\u{1B}\[[0-9;]*m/#.firstMatch(in: plain.text) == nil)
  }
}
