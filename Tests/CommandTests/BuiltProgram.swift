import Foundation
import Testing

/// What a finished process left.
struct Outcome {
  var status: Int32
  var output: String
  var errors: String
}

/// What a stream of a process under test is connected to.
enum Connection {
  /// `/dev/null` for input, a file that is read afterwards for output.
  case plain
  /// A terminal.
  case terminal
  /// A pipe whose other end is closed.
  case broken
  /// Input: these bytes.
  case text(String)
}

/// The program that this package builds.
let builtPipe = Bundle.main.bundleURL.appending(path: "pipe")

/// The small datasets that the repository draws itself.
let fixtures = URL(filePath: #filePath).appending(path: "../../../fixtures").standardized

/// Runs a program to its end.
///
/// Output goes to files, so nothing can fill up while nobody reads.
func run(
  _ words: [String], program: URL = builtPipe, input: Connection = .plain, output: Connection = .plain,
  errors: Connection = .plain, environment: [String: String] = [:]
) throws -> Outcome {
  let folder = try TemporaryFolder()
  let outputFile = try folder.file("output", "")
  let errorFile = try folder.file("errors", "")
  let process = Process()
  process.executableURL = program
  process.arguments = words
  process.environment = ["PATH": "/usr/bin:/bin", "TERM": "xterm"].merging(environment) { $1 }
  var terminals: [Int32] = []
  defer { for descriptor in terminals { close(descriptor) } }

  switch input {
  case .plain, .broken: process.standardInput = FileHandle.nullDevice
  case .terminal: process.standardInput = FileHandle(fileDescriptor: try openTerminal(&terminals))
  case .text(let text): process.standardInput = try FileHandle(forReadingFrom: folder.file("input", text))
  }
  switch output {
  case .plain, .text: process.standardOutput = try FileHandle(forWritingTo: outputFile)
  case .terminal: process.standardOutput = FileHandle(fileDescriptor: try openTerminal(&terminals))
  case .broken:
    let pipe = Pipe()
    try pipe.fileHandleForReading.close()
    process.standardOutput = pipe
  }
  var screen: (master: Int32, side: Int32)?
  if case .terminal = errors {
    process.standardError = FileHandle(fileDescriptor: try openTerminal(&terminals))
    let side = terminals.removeLast()
    screen = (terminals[terminals.count - 1], side)
  } else {
    process.standardError = try FileHandle(forWritingTo: errorFile)
  }
  try process.run()
  process.waitUntilExit()
  if let screen { close(screen.side) }
  return Outcome(
    status: process.terminationStatus, output: try String(contentsOf: outputFile, encoding: .utf8),
    errors: try screen.map { shown(on: $0.master) } ?? String(contentsOf: errorFile, encoding: .utf8))
}

/// Runs a line of shell with `pipe` in its path; the line's own status, and everything that was printed.
@discardableResult
func shell(_ line: String, in folder: TemporaryFolder) throws -> (status: Int32, text: String) {
  let process = Process()
  process.executableURL = URL(filePath: "/bin/bash")
  process.arguments = ["-c", line]
  process.currentDirectoryURL = folder.url
  process.environment = ["PATH": "\(builtPipe.deletingLastPathComponent().path):/usr/bin:/bin", "TERM": "dumb"]
  let printed = Pipe()
  process.standardOutput = printed
  process.standardError = printed
  process.standardInput = FileHandle.nullDevice
  try process.run()
  let text = String(decoding: printed.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
  process.waitUntilExit()
  return (process.terminationStatus, text)
}

/// The program's side of a new terminal; both sides are appended to `opened`.
private func openTerminal(_ opened: inout [Int32]) throws -> Int32 {
  // Glibc's module hides `openpty` and `ptsname`; these requests are what they are made of.
  let unlock: UInt = 0x4004_5431
  let number: UInt = 0x8004_5430
  let master = open("/dev/ptmx", O_RDWR | O_NOCTTY)
  try #require(master >= 0)
  opened.append(master)
  var isLocked: Int32 = 0
  var index: Int32 = 0
  try #require(ioctl(master, unlock, &isLocked) == 0 && ioctl(master, number, &index) == 0)
  let side = open("/dev/pts/\(index)", O_RDWR | O_NOCTTY)
  try #require(side >= 0)
  opened.append(side)
  return side
}

/// What was written to a terminal whose other side nobody has open any more; a screenful, which the system keeps.
///
/// The system hands over what was written some time later: reading fails only when all of it has arrived.
private func shown(on master: Int32) -> String {
  var shown: [UInt8] = []
  var bytes = [UInt8](repeating: 0, count: 4096)
  while case let count = read(master, &bytes, bytes.count), count > 0 { shown += bytes[..<count] }
  return String(decoding: shown, as: UTF8.self)
}

/// A folder that goes away with the value.
final class TemporaryFolder: Sendable {
  let url: URL

  init() throws {
    url = FileManager.default.temporaryDirectory.appending(path: "pipe-tests-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
  }

  deinit {
    try? FileManager.default.removeItem(at: url)
  }

  func file(_ name: String, _ text: String) throws -> URL {
    let file = url.appending(path: name)
    try text.write(to: file, atomically: false, encoding: .utf8)
    return file
  }
}
