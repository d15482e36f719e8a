internal import ComputeCommand

/// The verbs that need tensors; `pipe` becomes this program for them.
@main
enum PipeCompute {
  static func main() async {
    await ComputeCommand.main()
  }
}
