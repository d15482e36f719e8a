internal import Catalog

/// The manual page, from the catalogue, as troff source with the `man` macros.
enum ManualPage {
  static func troff() -> String {
    var page = Troff()
    page.raw(".TH PIPE 1 \"\(toolDate)\" \"\(toolVersion)\" \"User Commands\"")
    page.section("NAME")
    page.text("pipe - \(Catalog.summary)")
    page.section("SYNOPSIS")
    for (index, verb) in Catalog.verbs.enumerated() {
      if index > 0 { page.raw(".br") }
      page.usage(verb)
    }
    page.section("DESCRIPTION")
    page.text(
      "Every verb reads samples, writes samples, or reports on them. Data goes to the standard output and everything else "
        + "to the standard error, so verbs join into shell pipes.")
    page.section("EXAMPLES")
    for example in Catalog.examples { page.example(example) }
    page.section("VERBS")
    for verb in Catalog.verbs {
      page.subsection("pipe \(verb.name) \(verb.usage)")
      page.text(verb.summary.prefix(1).uppercased() + verb.summary.dropFirst() + ".")
      for paragraph in verb.description { page.paragraph(paragraph) }
      for operand in verb.operands { page.tag(operand.name, operand.help) }
      // What only some methods take stands with them.
      for option in verb.options where option.name != "help" && (verb.methods.isEmpty || !option.belongsToMethods) {
        page.tag((option.short.map { "-\($0), " } ?? "") + Help.long(option), Help.detail(option))
      }
      for example in verb.examples { page.example(example) }
    }
    page.section("METHODS")
    for method in Catalog.allMethods {
      page.subsection("\(method.name): \(method.title)")
      page.text(method.summary.prefix(1).uppercased() + method.summary.dropFirst() + ".")
      page.paragraph("Paper: \(method.reference).")
      for setting in method.settings {
        guard let option = Catalog.verb(method.verb)?.option(setting.option) else { continue }
        var shown = option
        if let help = setting.help { shown.help = help }
        page.tag(Help.long(option), Help.detail(shown, default: setting.text))
      }
      for preset in method.presets { page.tag("--preset \(preset.name)", preset.summary) }
    }
    page.section("NETWORKS")
    for network in Catalog.networks { page.tag(network.name, network.summary) }
    page.section("EXIT STATUS")
    for status in ExitStatus.allCases { page.tag("\(status.rawValue)", status.meaning) }
    page.paragraph(
      "A sink exits with the code of the producer that failed upstream. Ctrl-C keeps what has been reached where the verb can "
        + "emit it; SIGTERM and SIGHUP publish nothing, unless --on-term keep is given, and then the code still tells.")
    page.section("ENVIRONMENT")
    page.tag("NO_COLOR", "no colours on the standard error")
    page.tag("TERM", "unset, empty or dumb: no progress bar, no colours, no other escape codes")
    page.tag("COLUMNS", "width of help and progress")
    page.tag(
      "TMPDIR",
      "where temporary files without a name go: decoded images beyond --memory (otherwise /tmp), and pipes that have to be read "
        + "twice (otherwise /var/tmp)")
    page.tag(
      "XDG_CACHE_HOME",
      "trained networks, results of the steps of pipe run, and images for --reuse-classes are kept in its folder pipe; a relative path is "
        + "ignored")
    page.tag("HOME", "without XDG_CACHE_HOME they are kept in .cache/pipe there; without both they are not kept")
    for (name, value) in Sibling.environment {
      page.tag(name, "set to \(value) for verbs that need tensors, unless it is set already")
    }
    return page.source
  }
}

/// Troff source with its traps closed: a line that begins with a dot or quote is a request, a backslash an escape, and a
/// plain hyphen may be printed as something that cannot be copied into a shell.
private struct Troff {
  private(set) var source = ""
  /// Whether a heading has just begun a paragraph.
  private var isAfterHeading = false

  mutating func raw(_ line: String) {
    if isAfterHeading, line == ".PP" { return }
    isAfterHeading = line.hasPrefix(".SH") || line.hasPrefix(".SS")
    source += line + "\n"
  }

  mutating func section(_ title: String) {
    raw(".SH \(title)")
  }

  mutating func subsection(_ title: String) {
    raw(".SS \(escaped(title))")
  }

  /// Lines of at most 80 bytes, broken between words.
  mutating func text(_ text: String) {
    var line = ""
    for word in escaped(text).split(separator: " ") {
      if !line.isEmpty, line.utf8.count + 1 + word.utf8.count > 80 {
        raw(line)
        // A line must not begin as a request does.
        line = word.hasPrefix(".") ? "\\&" : ""
      }
      line += (line.isEmpty || line == "\\&" ? "" : " ") + word
    }
    raw(line)
  }

  mutating func paragraph(_ text: String) {
    raw(".PP")
    self.text(text)
  }

  mutating func usage(_ verb: Verb) {
    raw(".B \(escaped("pipe \(verb.name)"))")
    raw(escaped(verb.usage))
  }

  mutating func tag(_ tag: String, _ text: String) {
    raw(".TP")
    raw(".B \(escaped(tag))")
    self.text(text)
  }

  mutating func example(_ example: Example) {
    raw(".PP")
    raw(".EX")
    var line = ""
    for word in escaped(example.line).split(separator: " ", omittingEmptySubsequences: false) {
      if !line.isEmpty, line.utf8.count + 2 + word.utf8.count > 79 {
        // Without its end, this line and the next are one.
        raw(line + " \\")
        line = String(word)
      } else {
        line += (line.isEmpty ? "" : " ") + word
      }
    }
    raw(line)
    raw(".EE")
    raw(".RS")
    text(example.meaning)
    raw(".RE")
  }

  private func escaped(_ text: some StringProtocol) -> String {
    var escaped = ""
    for character in text {
      switch character {
      case "\\": escaped += "\\e"
      case "-": escaped += "\\-"
      case "`", "'": escaped += character == "`" ? "\\(ga" : "\\(aq"
      case "\"": escaped += "\\(dq"
      case "~": escaped += "\\(ti"
      case "^": escaped += "\\(ha"
      case "…": escaped += "..."
      case "×": escaped += "\\(mu"
      default: escaped.append(character)
      }
    }
    return escaped.hasPrefix(".") ? "\\&" + escaped : escaped
  }
}
