internal import Catalog

/// Completion scripts, from the catalogue.
///
/// Each completes verbs, their options, the words of a choice, and files.
enum Completion {
  /// For bash, without the bash-completion package.
  static func bash() -> String {
    var cases = ""
    for verb in Catalog.verbs {
      var values = ""
      for option in verb.options {
        guard let action = bashAction(option.kind), option.impliedText == nil else { continue }
        let names = (option.short.map { "-\($0)|" } ?? "") + "--\(option.name)"
        values += "        \(names)) \(action); return ;;\n"
      }
      let words = verb.options.map { "--\($0.name)" }.joined(separator: " ")
      let operand = verb.operands.first.flatMap { bashAction($0.kind) } ?? ":"
      cases += """
            \(verb.name))
              case "$previous" in
        \(values)      esac
              if [[ $current == -* ]]; then _pipe_words '\(words)' "$current"
              else \(operand); fi
              ;;

        """
    }
    return """
      # bash completion of pipe, printed by `pipe completion bash`
      _pipe_words() { mapfile -t COMPREPLY < <(compgen -W "$1" -- "$2"); }
      _pipe_files() {
        mapfile -t COMPREPLY < <(compgen -f -- "$1")
        # Quotes names with spaces, and adds slashes to folders.
        compopt -o filenames 2> /dev/null
      }
      _pipe() {
        local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]} verb=${COMP_WORDS[1]}
        COMPREPLY=()
        if [[ $COMP_CWORD -eq 1 ]]; then
          _pipe_words '\(verbNames) --help --version' "$current"
          return
        fi
        # `--option=value` comes as three words, because the equals sign breaks words.
        if [[ $current == = ]]; then current=
        elif [[ $previous == = ]]; then previous=${COMP_WORDS[COMP_CWORD-2]}
        fi
        case "$verb" in
      \(cases)  esac
      }
      complete -F _pipe pipe

      """
  }

  /// For zsh, as an autoloaded function.
  static func zsh() -> String {
    var cases = ""
    for verb in Catalog.verbs {
      var specs: [String] = []
      for option in verb.options { specs += zshSpecs(option) }
      for (index, operand) in verb.operands.enumerated() {
        specs.append(
          "'\(operand.repeats ? "*" : String(index + 1)):\(zshQuoted(operand.help)):\(zshAction(operand.kind))'")
      }
      cases += "    \(verb.name)) _arguments \(specs.joined(separator: " \\\n      ")) ;;\n"
    }
    let verbs = Catalog.verbs.map { "    '\($0.name):\(zshQuoted($0.summary))'\n" }.joined()
    return """
      #compdef pipe
      # zsh completion of pipe, printed by `pipe completion zsh`
      _pipe() {
        local -a verbs
        verbs=(
      \(verbs)  )
        if (( CURRENT == 2 )); then
          _describe 'verb' verbs
          return
        fi
        local verb=$words[2]
        shift words
        (( CURRENT-- ))
        case $verb in
      \(cases)  esac
      }
      if [ "$funcstack[1]" = "_pipe" ]; then _pipe "$@"; else compdef _pipe pipe; fi

      """
  }

  /// For fish.
  static func fish() -> String {
    var lines = ["# fish completion of pipe, printed by `pipe completion fish`", "complete -c pipe -f"]
    for verb in Catalog.verbs {
      lines.append(
        "complete -c pipe -n __fish_use_subcommand -a \(verb.name) -d \(fishQuoted(verb.summary))")
      let condition = "-n '__fish_seen_subcommand_from \(verb.name)'"
      for option in verb.options {
        var line = "complete -c pipe \(condition) -l \(option.name)"
        if let short = option.short { line += " -s \(short)" }
        if option.impliedText == nil {
          switch option.kind {
          case .flag: break
          case .choice(let words): line += " -x -a '\(words.joined(separator: " "))'"
          case .path: line += " -r -F"
          default: line += " -x"
          }
        }
        lines.append(line + " -d \(fishQuoted(option.help))")
      }
      for operand in verb.operands {
        switch operand.kind {
        case .choice(let words): lines.append("complete -c pipe \(condition) -a '\(words.joined(separator: " "))'")
        case .path: lines.append("complete -c pipe \(condition) -F")
        case .text("VERB"): lines.append("complete -c pipe \(condition) -a '\(verbNames)'")
        default: break
        }
      }
    }
    return lines.joined(separator: "\n") + "\n"
  }

  private static var verbNames: String { Catalog.verbs.map(\.name).joined(separator: " ") }

  private static func bashAction(_ kind: ValueKind) -> String? {
    switch kind {
    case .flag: nil
    case .choice(let words): "_pipe_words '\(words.joined(separator: " "))' \"$current\""
    case .path: "_pipe_files \"$current\""
    case .text("VERB"): "_pipe_words '\(verbNames)' \"$current\""
    default: "COMPREPLY=()"
    }
  }

  private static func zshSpecs(_ option: Option) -> [String] {
    let message = zshQuoted(option.help)
    let value =
      switch option.kind {
      case .flag: ""
      case _ where option.impliedText != nil: "::value:"
      default: ":\(option.kind.placeholder.map(zshWord) ?? "value"):\(zshAction(option.kind))"
      }
    let repeats = option.repeats ? "*" : ""
    let assignment = option.impliedText != nil ? "=-" : option.kind == .flag ? "" : "="
    var specs = ["'\(repeats)--\(option.name)\(assignment)[\(message)]\(value)'"]
    if let short = option.short { specs.append("'\(repeats)-\(short)[\(message)]\(value)'") }
    return specs
  }

  private static func zshAction(_ kind: ValueKind) -> String {
    switch kind {
    case .choice(let words): "(\(words.joined(separator: " ")))"
    case .path: "_files"
    case .text("VERB"): "(\(verbNames))"
    default: ""
    }
  }

  /// Inside `'…[…]:…'`: quotes end the word, colons and brackets the field.
  private static func zshQuoted(_ text: String) -> String {
    var quoted = ""
    for character in text {
      switch character {
      case "'": quoted += "'\\''"
      case ":", "[", "]", "\\": quoted += "\\\(character)"
      default: quoted.append(character)
      }
    }
    return quoted
  }

  private static func zshWord(_ placeholder: String) -> String {
    placeholder.contains("|") || placeholder.contains(":") ? "value" : placeholder
  }

  private static func fishQuoted(_ text: String) -> String {
    "'" + text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "\\'") + "'"
  }
}
