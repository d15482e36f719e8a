import Command
import Datasets
import Foundation
import Networks
import Stages
import Streaming
import Tensors

/// The process's side of a run: the compute thread, its library's settings, deadlines and the log.
struct Surroundings {
  let computeThread = BlockingThread(name: "compute")
  let threads: Int
  let accelerated: Bool
  let memoryLimit: Int
  /// Asked between steps: Ctrl-C, or the time is up.
  let shouldStop: @Sendable () -> Bool

  /// Reads the machine's options and configures the tensor library on the compute thread.
  ///
  /// `reserve` is the share of `--time` that is kept for what follows the last step.
  init(_ invocation: Invocation) async throws {
    let arguments = invocation.arguments
    let threads = arguments.integer("threads") ?? ProcessInfo.processInfo.activeProcessorCount
    self.threads = threads
    let wanted = arguments.choice("device") ?? "auto"
    let hasCUDA = try await computeThread.run { () throws(TensorError) in
      try Runtime.configure(threads: threads)
      return Runtime.hasCUDA
    }
    if wanted == "cuda", !hasCUDA {
      throw UsageError(
        "--device cuda: this build's libtorch finds no CUDA device", hint: "build with LIBTORCH=/path/to/a/CUDA/torch")
    }
    accelerated = false
    memoryLimit = arguments.size("memory") ?? Int(ProcessInfo.processInfo.physicalMemory / 2)
    let interrupts = invocation.interrupts
    let deadline = arguments.duration("time").map { seconds() + $0 }
    shouldStop = { interrupts.stopRequested || deadline.map { seconds() >= $0 } ?? false }
  }

  /// For `CondenseStage`.
  func stage(_ invocation: Invocation) -> CondenseStage.Surroundings {
    let report = invocation.report
    var result = CondenseStage.Surroundings(computeThread: computeThread)
    result.threads = threads
    result.accelerated = accelerated
    result.memoryLimit = memoryLimit
    result.spillDirectory = ProcessInfo.processInfo.environment["TMPDIR"] ?? "/tmp"
    result.cacheDirectory = cacheDirectory(invocation.arguments)
    result.shouldStop = shouldStop
    result.progress = { report.progress($0) }
    result.log = { report.log($0) }
    result.clock = { seconds() }
    return result
  }
}

/// Seconds of the monotonic clock.
func seconds() -> Double {
  let now = ContinuousClock.now
  return Double((now - start).components.seconds) + Double((now - start).components.attoseconds) * 1e-18
}

private let start = ContinuousClock.now

/// Where trained feature networks are kept.
func cacheDirectory(_ arguments: Arguments) -> String {
  if let chosen = arguments.path("cache") { return chosen }
  let environment = ProcessInfo.processInfo.environment
  if let base = environment["XDG_CACHE_HOME"], !base.isEmpty { return "\(base)/pipe" }
  return "\(environment["HOME"] ?? "/tmp")/.cache/pipe"
}

extension Precision {
  /// What `auto` stands for while condensing: bfloat16 where the processor multiplies it in hardware.
  static var automatic: Precision {
    let flags = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? ""
    return flags.contains("avx512_bf16") || flags.contains("amx_bf16") ? .bfloat16 : .float32
  }
}

extension NetworkChoice {
  /// The typed network; `automatic` is the precision that `auto` stands for.
  init(_ arguments: Arguments, automatic: Precision) {
    let precision = Precision(rawValue: arguments.choice("precision") ?? "auto") ?? automatic
    self.init(filters: arguments.integer("width") ?? 128, depth: arguments.integer("depth"), precision: precision)
  }
}
