import Command
import Datasets
import Foundation
import Shards
import Stages
import Streaming

/// `pipe fit`: samples in, a model out.
let fitVerb = VerbRunner("fit") { invocation in
  let arguments = invocation.arguments
  if arguments.choice("method") == "expansive" {
    try await fitExpansion(invocation)
    return .ok
  }
  let report = invocation.report
  let request = try CondenseRequest(arguments)
  let reading = try ReadOptions(arguments)
  let isDry = arguments.flag("dry-run")

  func fitted() async throws -> KoopconFile? {
    let surroundings = try await Surroundings(invocation)
    let stage = surroundings.stage(invocation)
    let source = try openSamples(
      arguments.paths("input").map(Input.init(path:)), options: reading, log: { report.log($0) })
    let info = source.info
    // What the description rules out is refused before the samples are read.
    _ = try request.promise(of: info, tool: toolVersion)
    try request.checkMemory(
      for: info, memoryLimit: surroundings.memoryLimit, machine: surroundings.machineMemory)
    let store = try await filledStore(from: samples(of: source, stage: "fit"), of: info, stage: "fit", in: stage)
    return try await surroundings.compute(for: .fitting) {
      let plan = try KoopconPlan(request, for: store, of: info, threads: surroundings.threads)
      try plan.checkMemory(machine: surroundings.machineMemory)
      for line in try plan.estimate(clock: stage.clock).lines(for: request) { report.log(line) }
      if isDry { return nil }
      return try plan.fit(
        tool: toolVersion, verb: "fit", shouldStop: surroundings.shouldStop, progress: { report.progress($0) })
    }
  }

  if isDry {
    _ = try await fitted()
    return .ok
  }
  let path = arguments.path("output") ?? "-"
  try await writeOutput(path) { descriptor in
    guard let file = try await fitted() else { return }
    try FileHandle(fileDescriptor: descriptor, closeOnDealloc: false).write(contentsOf: Data(file.bytes))
    report.log("wrote a model of \(sizeText(file.bytes.count)) to \(path): \(file.summary)")
  }
  return .ok
}
