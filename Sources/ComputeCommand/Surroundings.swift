import Catalog
import Command
import Datasets
import Foundation
import Networks
import Methods
import Stages
import Streaming
import Tensors

/// The process's side of a run: the compute thread, its library's settings, deadlines and the log.
struct Surroundings {
  let computeThread = BlockingThread(name: "compute")
  let threads: Int
  let memoryLimit: Int
  /// Bytes of memory that there are for everything; no limit where tensors are on another device.
  let machineMemory: Int
  /// When the time is up; nil for never.
  private(set) var deadline: Double?
  private let interrupts: Interrupts

  /// Reads the machine's options and configures the tensor library on the compute thread; `--time` counts from here.
  init(_ invocation: Invocation) async throws {
    let arguments = invocation.arguments
    let processors = ProcessInfo.processInfo.activeProcessorCount
    // Verbs that pass latents on have no memory to limit and no steps to end early.
    func has(_ option: String) -> Bool { arguments.verb.option(option) != nil }
    let asked = (has("threads") ? arguments.integer("threads") : nil) ?? processors
    // More threads than processors wait for one another at every step.
    let threads = min(asked, processors)
    if asked > threads { invocation.report.warn("--threads \(asked): taking \(threads), the number of processors") }
    self.threads = threads
    let asksDevice = has("device") ? arguments.choice("device") : nil
    let device = try chosenDevice(asksDevice ?? "cpu")
    if asksDevice == "auto" { invocation.report.log("device: \(device)") }
    try await computeThread.run { () throws(TensorError) in try Runtime.configure(threads: threads, device: device) }
    let machine = min(MachineMemory.resident, MemoryNeed.addressable(threads: threads))
    memoryLimit = (has("memory") ? arguments.size("memory") : nil) ?? machine / 2
    // What a run computes with is not in the machine's memory then, and a device says itself when its own is exhausted.
    machineMemory = device == .cpu ? machine : .max
    interrupts = invocation.interrupts
    deadline = (has("time") ? arguments.duration("time") : nil).map { seconds() + $0 }
    let report = invocation.report
    guard report.verbose else { return }
    report.detail("libtorch \(Runtime.libraryVersion) on \(threads) of \(processors) processors, tensors on \(device)")
    report.detail(
      "\(sizeText(machine)) of memory; \(sizeText(memoryLimit)) of it for decoded images, "
        + "the rest of which go to \(spillDirectory)")
    report.detail("networks trained for features are kept in \(cacheDirectory(arguments) ?? "memory only")")
  }

  /// Asked between steps: Ctrl-C, or the time is up.
  var shouldStop: @Sendable () -> Bool {
    { [interrupts, deadline] in interrupts.stopsNow() || deadline.map { seconds() >= $0 } ?? false }
  }

  /// Takes what an earlier run took of the time away from this one's.
  mutating func spend(_ seconds: Double) { deadline = deadline.map { $0 - seconds } }

  private var spillDirectory: String { ProcessInfo.processInfo.environment["TMPDIR"] ?? "/tmp" }

  /// Computes on the compute thread; memory that the system did not give is told as what it is.
  func compute<T: Sendable>(
    for purpose: MemoryNeed.Purpose, _ body: @escaping @Sendable () throws -> T
  ) async throws -> T {
    do {
      return try await computeThread.run(body)
    } catch {
      throw forgivingMemory(error, for: purpose)
    }
  }

  /// For stages.
  func context(_ invocation: Invocation) -> RunContext {
    let report = invocation.report
    var result = RunContext(computeThread: computeThread)
    result.threads = threads
    result.memoryLimit = memoryLimit
    result.machineMemory = machineMemory
    result.spillDirectory = spillDirectory
    result.cacheDirectory = cacheDirectory(invocation.arguments)
    result.shouldStop = shouldStop
    result.progress = { report.progress($0) }
    result.log = { report.log($0) }
    result.detail = { report.detail($0) }
    result.clock = { seconds() }
    result.deadline = deadline
    return result
  }
}

/// The device that was asked for; `auto` takes CUDA where there is a device that this libtorch can use.
private func chosenDevice(_ name: String) throws(UsageError) -> Device {
  if name == "cpu" || name == "auto" && !Runtime.hasCUDA { return .cpu }
  guard Runtime.hasCUDA else {
    throw UsageError(
      "--device cuda: libtorch \(Runtime.libraryVersion) finds no CUDA device",
      hint:
        "take --device cpu, or build pipe with LIBTORCH naming a libtorch for CUDA, on a machine that has such a device"
    )
  }
  return .cuda(0)
}

/// Seconds of the monotonic clock.
func seconds() -> Double {
  let now = ContinuousClock.now
  return Double((now - start).components.seconds) + Double((now - start).components.attoseconds) * 1e-18
}

private let start = ContinuousClock.now

/// Where trained feature networks are kept, by the XDG base directory specification; nil where nothing says where.
///
/// A relative `XDG_CACHE_HOME` is invalid there, and ignored. `-` stands for none.
func cacheDirectory(_ arguments: Arguments) -> String? {
  if arguments.verb.option("cache") != nil, let chosen = arguments.path("cache") {
    return chosen == "-" ? nil : chosen
  }
  let environment = ProcessInfo.processInfo.environment
  var folder: String?
  if let base = environment["XDG_CACHE_HOME"], base.hasPrefix("/") {
    folder = "\(base)/pipe"
  } else if let home = environment["HOME"], home.hasPrefix("/") {
    folder = "\(home)/.cache/pipe"
  }
  // An input folder does not grow.
  return folder.flatMap { liesInInput($0, arguments) ? nil : $0 }
}
