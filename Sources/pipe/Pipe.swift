internal import Command

/// The front: verbs that need no tensors run here, the others in `pipe-compute`.
@main
enum Pipe {
  static func main() async {
    await Command.main(tool: "pipe", runners: frontRunners, sibling: "pipe-compute")
  }
}
