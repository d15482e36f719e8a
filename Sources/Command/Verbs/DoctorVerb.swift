let doctorVerb = VerbRunner("doctor") { invocation in
  let report = FindingReport(programFindings() + machineFindings() + placeFindings(invocation.terminal))
  try invocation.output.write(
    invocation.arguments.flag("json") ? report.json.rendered(indented: true) + "\n" : report.text)
  return report.status
}
