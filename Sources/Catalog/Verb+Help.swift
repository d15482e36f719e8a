extension Verb {
  static let methods = Verb(
    "methods",
    summary: "list the methods of condense and expand",
    description: [
      "With the name of a method or network, everything about it: paper, options, defaults. With --json, for programs."
    ],
    operands: [
      Operand(
        "NAME", .choice(Catalog.allMethods.map(\.name) + Catalog.networks.map(\.name)), isRequired: false,
        help: "a method or a network")
    ],
    groups: [OptionGroup("Report", [.json]), .brief],
    examples: [Example("pipe methods", "all of them"), Example("pipe methods m3d --json", "one, for programs")])

  static let completion = Verb(
    "completion",
    summary: "print a completion script for a shell",
    description: [],
    operands: [Operand("SHELL", .choice(["bash", "zsh", "fish"]), help: "the shell")],
    groups: [.brief],
    examples: [
      Example("pipe completion bash > ~/.local/share/bash-completion/completions/pipe", "bash"),
      Example("pipe completion zsh > ~/.zfunc/_pipe", "zsh, with ~/.zfunc in fpath"),
      Example("pipe completion fish > ~/.config/fish/completions/pipe.fish", "fish"),
    ])

  static let man = Verb(
    "man",
    summary: "print the manual page",
    description: ["As troff source, for `man -l` or a manual folder."],
    groups: [.brief],
    examples: [Example("pipe man | man -l -", "read it")])

  static let help = Verb(
    "help",
    summary: "explain pipe or one of its verbs",
    description: [],
    operands: [Operand("VERB", .text("VERB"), isRequired: false, help: "a verb")],
    groups: [.brief],
    examples: [Example("pipe help condense", "the same as pipe condense --help")])

  static let version = Verb(
    "version",
    summary: "print the version and the commit it was built from",
    description: [
      "The commit is the one that Scripts/package and Scripts/test give the build; a build by hand is told with "
        + "PIPE_COMMIT=$(Scripts/commit). Histories of datasets hold the version alone, so that rebuilding changes no bytes."
    ],
    groups: [OptionGroup("Report", [.json]), .brief],
    examples: [Example("pipe version", "the same as pipe --version")])

  static let doctor = Verb(
    "doctor",
    summary: "say what pipe finds on this machine, and what is wrong with it",
    description: [
      "Programs and versions, libtorch with its BLAS and OpenMP, the libraries that are loaded for some kinds of files, processors and "
        + "their instructions, memory, limits, the cache, temporary folders, locale and terminal: a line each, and under what is wrong a "
        + "line that says what to do.",
      "Exits with 0 when everything works, warnings included, and with 2 when something would fail. libtorch is loaded for it, if it is there.",
    ],
    groups: [
      OptionGroup(
        "Report",
        [
          .json,
          Option("tensors", .flag, isRecorded: false, help: "report on libtorch alone, in the program that loads it"),
        ]),
      .brief,
    ],
    examples: [
      Example("pipe doctor", "after installing, and before reporting a fault"),
      Example("pipe doctor --json | jq '.findings[] | select(.state != \"ok\")'", "what is wrong, for programs"),
    ],
    tensorOption: "tensors")
}
