public import Datasets
internal import Glibc
public import Streaming
internal import Synchronization

/// What provenance records of inputs: the SHA-256 of each file, the generation of a dataset of shards.
///
/// One input is called `source`, several are `source.1`, `source.2`, … in the order given. A redirected standard input is
/// a file like others. What can be read only once, a pipe, has no entry, and neither has a folder of files.
///
/// - Throws: `DataError` (`.noInput`, `.io`) when a file cannot be read.
public func sourceDigests(of inputs: [Input]) throws(DataError) -> [String: String] {
  try sourceDigests(of: inputs, isCancelled: { false })
}

/// The same on another thread, for files that are read meanwhile; `times` learns how long it took.
///
/// A task that is cancelled gets what was finished by then: whoever publishes it asks whether it was.
public func sourceDigests(
  of inputs: [Input], on thread: BlockingThread, times: WorkTimes? = nil
) async throws(DataError) -> [String: String] {
  let cancellation = Cancellation()
  let result: Result<[String: String], DataError> = await withTaskCancellationHandler {
    await thread.run {
      times.measure("digest") {
        do throws(DataError) {
          return .success(try sourceDigests(of: inputs) { cancellation.isSet })
        } catch {
          return .failure(error)
        }
      }
    }
  } onCancel: {
    cancellation.set()
  }
  return try result.get()
}

/// Tells a thread that what it does is not wanted any more.
private final class Cancellation: Sendable {
  private let flag = Atomic(false)

  var isSet: Bool { flag.load(ordering: .relaxed) }

  func set() {
    flag.store(true, ordering: .relaxed)
  }
}

private func sourceDigests(of inputs: [Input], isCancelled: () -> Bool) throws(DataError) -> [String: String] {
  var digests: [String: String] = [:]
  for (index, input) in inputs.enumerated() {
    guard let digest = try digest(of: input, isCancelled) else { continue }
    digests[inputs.count == 1 ? "source" : "source.\(index + 1)"] = digest
  }
  return digests
}

private func digest(of input: Input, _ isCancelled: () -> Bool) throws(DataError) -> String? {
  switch input {
  case .standardInput:
    let start = lseek(0, 0, SEEK_CUR)
    guard start >= 0 else { return nil }
    return try sha256(of: try FileInput(duplicating: 0, name: input.name, from: Int(start)), isCancelled: isCancelled)
  case .file(let path):
    if isFolder(path) {
      guard access("\(path)/\(Manifest.fileName)", F_OK) == 0 else { return nil }
      return try Manifest(inFolder: path).generation
    }
    var status = stat()
    guard stat(path, &status) == 0, status.st_mode & mode_t(0o170000) == mode_t(0o100000) else { return nil }
    return try sha256(of: try FileInput(path), isCancelled: isCancelled)
  }
}
