import Catalog
import Datasets
import Testing

@testable import Command

@Suite("The catalogue") struct CatalogTests {
  @Test func `names are unique and plain`() {
    let plain = Set("abcdefghijklmnopqrstuvwxyz0123456789-")
    for names in [Catalog.verbs.map(\.name), Catalog.allMethods.map(\.name), Catalog.networks.map(\.name)] {
      #expect(Set(names).count == names.count)
      for name in names { #expect(name.allSatisfy(plain.contains)) }
    }
    for verb in Catalog.verbs {
      let long = verb.options.map(\.name)
      let short = verb.options.compactMap(\.short)
      #expect(Set(long).count == long.count, "\(verb.name)")
      #expect(Set(short).count == short.count, "\(verb.name)")
      for name in long { #expect(name.allSatisfy(plain.contains), "\(name)") }
    }
  }

  @Test(arguments: Catalog.verbs.map(\.name)) func `everything is documented`(name: String) throws {
    let verb = try #require(Catalog.verb(name))
    #expect(verb.name == name)
    #expect(!verb.summary.isEmpty && !verb.summary.hasSuffix("."))
    #expect(!verb.examples.isEmpty)
    #expect(verb.option("help") != nil)
    for option in verb.options {
      #expect(!option.help.isEmpty && !option.help.hasSuffix("."), "--\(option.name)")
      #expect(option.help.first?.isLowercase == true || option.help.first?.isUppercase == false, "--\(option.name)")
      let saysDefault =
        option.kind == .flag || option.isRequired || option.defaultText != nil || option.defaultNote != nil
      #expect(saysDefault, "--\(option.name) says nothing of what happens without it")
    }
  }

  @Test(arguments: Catalog.verbs.map(\.name)) func `defaults are valid values`(name: String) throws {
    let verb = try #require(Catalog.verb(name))
    for option in verb.options {
      for text in [option.defaultText, option.impliedText].compactMap({ $0 }) {
        #expect(throws: Never.self, "--\(option.name)") { try OptionValue(text, as: option.kind) }
      }
    }
  }

  @Test(arguments: Catalog.allMethods.map(\.name)) func `settings of methods are valid values of their verb`(
    name: String
  ) throws {
    let method = try #require(Catalog.method(name))
    let verb = try #require(Catalog.verb(method.verb))
    let values = method.settings.map { ($0.option, $0.text) } + method.presets.flatMap(\.values).map { ($0, $1) }
    for (name, text) in values {
      let option = try #require(verb.option(name), "--\(name)")
      if let text { #expect(throws: Never.self, "--\(name)") { try OptionValue(text, as: option.kind) } }
      #expect(method.understands(name))
    }
    let required = verb.options.filter(\.isRequired).flatMap { ["--\($0.name)", "x"] }
    #expect(throws: Never.self) { try Arguments(["--method", name] + required, for: verb) }
  }

  /// Of what a relation names, there must be both options.
  @Test func `relations are between options of the verb`() throws {
    for verb in Catalog.verbs {
      for relation in verb.relations + verb.methods.filter({ $0.verb == verb.name }).flatMap(\.relations) {
        let names =
          switch relation {
          case .excludes(let a, let b, _), .needs(let a, let b, _), .belongs(let a, to: let b, _),
            .clashes(let a, with: let b, _, _):
            [a, b]
          case .meansNothing(let a), .makesPart(let a): [a]
          }
        for name in names { _ = try #require(verb.option(name), "--\(name) of \(verb.name)") }
      }
    }
  }

  @Test(arguments: [
    "expand --method augment --reach 0.5", "expand --method augment --sources plain",
    "expand --method augment --detail 0", "expand --method augment --setting sa",
    "expand --method augment --pretrain x", "expand --method augment --pretrain-steps 3",
    "expand --method augment --weight-att 1", "condense --method random --width 8",
    "condense --method random --steps 3",
    "condense --method herding --factor 2", "condense --method dm --latent 8",
    "condense --method koopcon --kernel linear",
    "condense --method m3d --schedule 5", "condense --method random --snapshots x",
  ])
  func `what a method does not take is refused`(line: String) throws {
    let words = line.split(separator: " ").map(String.init)
    let verb = try #require(Catalog.verb(words[0]))
    let error = #expect(throws: UsageError.self) { try Arguments(Array(words.dropFirst()), for: verb) }
    #expect(error?.message.contains("means nothing to the method") ?? false, "\(error?.message ?? "")")
  }

  @Test(arguments: [
    ("condense --method dm --formation multi", "--formation means nothing with --factor 1"),
    ("condense --method m3d --factor 1 --formation time", "--formation means nothing with --factor 1"),
    ("condense --method koopcon --factor 2 --formation multi", "--factor means nothing with --formation multi"),
    ("condense --method koopcon --factor 1 --formation time", "--formation means nothing with --factor 1"),
    ("fit --method koopcon --factor 1 --formation time", "--formation means nothing with --factor 1"),
    ("condense --method herding --formation time", "--formation means nothing to the method herding"),
  ]) func `a formation that would change nothing is refused`(line: String, words: String) throws {
    let typed = line.split(separator: " ").map(String.init)
    let verb = try #require(Catalog.verb(typed[0]))
    let output = typed[0] == "fit" ? ["-o", "x"] : []
    let error = #expect(throws: UsageError.self) { try Arguments(Array(typed.dropFirst()) + output, for: verb) }
    #expect(error?.message.contains(words) ?? false, "\(error?.message ?? "")")
  }

  @Test func `a formation of several tiles is taken`() {
    for line in ["m3d --formation multi", "dm --factor 2 --formation time", "koopcon --factor 3 --formation time"] {
      let words = "--method \(line)".split(separator: " ").map(String.init)
      #expect(throws: Never.self) { try Arguments(words, for: .condense) }
    }
  }

  @Test func `every example parses`() throws {
    let examples = Catalog.examples + Catalog.verbs.flatMap(\.examples)
    for example in examples {
      let commands = pipeCommands(example.line)
      #expect(!commands.isEmpty, "\(example.line)")
      for words in commands {
        let verb = try #require(Catalog.verb(words[0]), "\(example.line)")
        #expect(throws: Never.self, "\(example.line)") { try Arguments(Array(words.dropFirst()), for: verb) }
      }
    }
  }

  @Test func `the first example of a verb shows that verb`() {
    for verb in Catalog.verbs {
      for example in verb.examples { #expect(pipeCommands(example.line).contains { $0[0] == verb.name }) }
    }
  }

  @Test func `layouts and splits are those of the reader`() {
    #expect(Verb.condense.option("layout")?.kind == .choice(Layout.all.map(\.name)))
    #expect(Verb.condense.option("split")?.kind == .choice(DatasetInfo.Split.allCases.map(\.rawValue)))
  }

  @Test func `the front runs every verb that needs no tensors`() {
    let runnable = Set(frontRunners.map(\.verb))
    #expect(runnable.count == frontRunners.count)
    #expect(runnable.isSubset(of: Catalog.verbs.map(\.name)))
    #expect(Catalog.verbs.filter { !$0.needsTensors && !runnable.contains($0.name) }.map(\.name) == [])
  }
}

/// The words after each `pipe` of a shell line, without redirections; enough of a shell for the examples.
private func pipeCommands(_ line: String) -> [[String]] {
  var commands: [[String]] = [[]]
  var quoted = false
  var word = ""
  func finished(_ word: String) -> [String] { word.isEmpty ? [] : [word] }
  for character in line + " " {
    switch character {
    case "'": quoted.toggle()
    case " " where !quoted:
      commands[commands.count - 1] += finished(word)
      word = ""
    case "|" where !quoted, "&" where !quoted: commands.append([])
    default: word.append(character)
    }
  }
  return commands.filter { $0.first == "pipe" && $0.count > 1 }.map { words in
    let redirection = words.firstIndex { $0 == "<" || $0 == ">" } ?? words.endIndex
    return Array(words[1..<redirection])
  }
}
