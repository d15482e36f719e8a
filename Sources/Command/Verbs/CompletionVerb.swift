let completionVerb = VerbRunner("completion") { invocation in
  let script =
    switch invocation.arguments.operands.first {
    case "bash": Completion.bash()
    case "zsh": Completion.zsh()
    default: Completion.fish()
    }
  try invocation.output.write(script)
  return .ok
}
