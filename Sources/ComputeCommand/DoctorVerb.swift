import Command
import Foundation
import Tensors

/// Reports on the tensor library, which is loaded by now.
let tensorDoctorVerb = VerbRunner("doctor") { invocation in
  let report = FindingReport(
    tensorFindings(
      version: Runtime.libraryVersion, devices: Runtime.hasCUDA ? ["CPU", "CUDA"] : ["CPU"], files: mappedFiles(),
      threads: ProcessInfo.processInfo.activeProcessorCount))
  try invocation.output.write(
    invocation.arguments.flag("json") ? report.json.rendered(indented: true) + "\n" : report.text)
  return report.status
}
