internal import FoundationEssentials

/// One thing that `pipe doctor` looked at.
public struct Finding: Sendable, Equatable, Codable {
  /// How much it matters.
  public enum State: String, Sendable, Codable {
    /// As it should be.
    case ok
    /// Everything works, but slower or less comfortably than it could.
    case warning
    /// Something would fail.
    case fault
  }

  /// What was looked at: `libtorch`.
  public var topic: String
  /// How much it matters.
  public var state: State
  /// What was found, in one line.
  public var text: String
  /// What to do; nil where all is well.
  public var remedy: String?

  /// Makes a finding that is as it should be.
  public init(_ topic: String, _ text: String) { self.init(topic, .ok, text, remedy: nil) }

  /// Makes a finding.
  public init(_ topic: String, _ state: State, _ text: String, remedy: String?) {
    self.topic = topic
    self.state = state
    self.text = text
    self.remedy = remedy
  }
}

/// Everything that `pipe doctor` found.
public struct FindingReport: Sendable, Equatable, Codable {
  /// In the order in which they are shown.
  public var findings: [Finding]

  /// Makes a report.
  public init(_ findings: [Finding]) { self.findings = findings }

  /// Whether nothing would fail.
  public var isWell: Bool { findings.allSatisfy { $0.state != .fault } }

  /// 0 where all is well, 2 where something would fail.
  public var status: ExitStatus { isWell ? .ok : .damage }

  /// Reads the report that another program printed with `--json`.
  init?(json: [UInt8]) {
    guard let report = try? JSONDecoder().decode(FindingReport.self, from: Data(json)) else { return nil }
    self = report
  }

  /// A line for each finding, and one for its remedy.
  public var text: String {
    let width = (findings.map(\.topic.count).max() ?? 0) + 2
    var text = findings.map { finding in
      let line = printable("\(padded(finding.state.rawValue, 9))\(padded(finding.topic, width))\(finding.text)") + "\n"
      let remedy = finding.remedy.map { String(repeating: " ", count: 9 + width) + printable($0) + "\n" }
      return line + (remedy ?? "")
    }.joined()
    let faults = findings.count { $0.state == .fault }
    let warnings = findings.count { $0.state == .warning }
    text += faults + warnings == 0 ? "all is well\n" : "\(count(faults, "fault")), \(count(warnings, "warning"))\n"
    return text
  }

  private func count(_ number: Int, _ noun: String) -> String { "\(number) \(noun)\(number == 1 ? "" : "s")" }

  /// For programs.
  public var json: JSONText {
    .object([
      ("well", .bool(isWell)),
      (
        "findings",
        .array(
          findings.map { finding in
            .object([
              ("topic", .string(finding.topic)), ("state", .string(finding.state.rawValue)),
              ("text", .string(finding.text)), ("remedy", finding.remedy.map { .string($0) } ?? .null),
            ])
          })
      ),
    ])
  }
}
