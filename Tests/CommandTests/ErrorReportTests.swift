import Catalog
import Datasets
import Glibc
import Streaming
import Testing

@testable import Command

@Suite("Errors") struct ErrorReportTests {
  private struct Surprise: Error, CustomStringConvertible {
    var description: String { "the impossible" }
  }

  @Test(arguments: [
    (DataError.Fault.badInput, Int32(65)), (.usage, 64), (.noInput, 66), (.cannotCreate, 73), (.io, 74),
    (.temporary, 75),
    (.upstream(exitCode: 65), 65), (.upstream(exitCode: 130), 130),
  ])
  func `faults of data have their exit codes`(fault: DataError.Fault, code: Int32) {
    let error = DataError(fault, at: ["a.tar", "b.png"], "is not a PNG", remedy: "check the archive")
    let report = ErrorReport(error, verb: "decode")
    #expect(report == ErrorReport(exitCode: code, sentence: "a.tar: b.png: is not a PNG; check the archive"))
    let wrapped = PipelineError(stage: "decode", sampleKey: "b", underlying: error)
    #expect(ErrorReport(wrapped, verb: "decode") == report)
  }

  @Test func `a pipeline error names stage and sample`() {
    let error = PipelineError(
      stage: "resize", sampleKey: "cat/7", underlying: DataError(.badInput, at: [], "too small"))
    #expect(ErrorReport(error, verb: "decode").sentence == "resize: sample cat/7: too small")
  }

  @Test func `usage is 64 and surprises are 1`() {
    #expect(ErrorReport(UsageError("no", hint: "yes"), verb: "x") == ErrorReport(exitCode: 64, sentence: "no; yes"))
    let surprise = ErrorReport(Surprise(), verb: "x")
    #expect(surprise.exitCode == 1)
    #expect(surprise.sentence?.contains("the impossible") == true)
    #expect(surprise.sentence?.contains("report") == true)
  }

  @Test func `a reader that went away is no news`() {
    #expect(ErrorReport(BrokenPipe(), verb: "x") == ErrorReport(exitCode: 141, sentence: nil))
    let wrapped = PipelineError(stage: "wire", underlying: BrokenPipe())
    #expect(ErrorReport(wrapped, verb: "x") == ErrorReport(exitCode: 141, sentence: nil))
  }

  @Test func `cancellation exits with the signal`() {
    #expect(ErrorReport(CancellationError(), verb: "x", signal: SIGTERM).exitCode == 143)
    #expect(ErrorReport(PipelineError.cancelled(stage: "s"), verb: "x", signal: SIGINT).exitCode == 130)
  }

  @Test func `what breaks off after a signal broke off because of it`() {
    let unfinished = DataError(.temporary, at: ["standard input"], "ends early")
    #expect(ErrorReport(unfinished, verb: "shard").exitCode == 75)
    #expect(ErrorReport(unfinished, verb: "shard", signal: SIGINT).exitCode == 130)
    let damaged = DataError(.badInput, at: ["standard input"], "is damaged")
    #expect(ErrorReport(damaged, verb: "shard", signal: SIGINT).exitCode == 65)
  }
}

@Suite("Interrupts") struct InterruptStateTests {
  @Test func `a producer finishes early at the first and gives up at the second`() {
    var state = InterruptState(interruption: .finishEarly)
    guard case .wait = state.receive(SIGINT) else { return #expect(Bool(false), "did not wait") }
    #expect(state.stopRequested)
    #expect(state.receive(SIGINT) == .cancel)
    #expect(state.receive(SIGINT) == .abort)
  }

  @Test func `a reader ignores the first Ctrl-C and obeys SIGTERM`() {
    var state = InterruptState(interruption: .waitForUpstream)
    guard case .wait = state.receive(SIGINT) else { return #expect(Bool(false), "did not wait") }
    #expect(!state.stopRequested)
    #expect(state.receive(SIGINT) == .cancel)
    var other = InterruptState(interruption: .waitForUpstream)
    #expect(other.receive(SIGTERM) == .cancel)
    #expect(other.signal == SIGTERM)
  }

  @Test func `termination ends every verb unless it is to keep what there is`() {
    for number in [SIGTERM, SIGHUP] {
      for interruption in [Interruption.finishEarly, .waitForUpstream, .stop] {
        var state = InterruptState(interruption: interruption)
        #expect(state.receive(number) == .cancel && state.stopRequested)
        #expect(state.receive(number) == .abort)
        // The second wish counts, whatever the first was.
        var other = InterruptState(interruption: .finishEarly)
        _ = other.receive(SIGINT)
        #expect(other.receive(number) == .cancel)
      }
      var keeping = InterruptState(interruption: .finishEarly, keepsOnTermination: true)
      guard case .wait = keeping.receive(number) else { return #expect(Bool(false), "did not keep") }
      #expect(keeping.stopRequested && keeping.signal == number)
      // A group and its process both get it.
      #expect(keeping.receive(number) == .none)
      #expect(keeping.receive(SIGINT) == .cancel)
    }
  }

  @Test func `a step whose run is gone ends`() {
    var state = InterruptState(interruption: .finishEarly, keepsOnTermination: true)
    #expect(state.orphaned() == .cancel)
    #expect(state.signal == SIGTERM)
    #expect(state.orphaned() == .none)
  }

  @Test func `every other verb stops at once`() {
    var state = InterruptState(interruption: .stop)
    #expect(state.receive(SIGINT) == .cancel)
    #expect(state.receive(SIGINT) == .abort)
  }
}
