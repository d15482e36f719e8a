import Foundation
import Testing

@testable import Command

/// A program that runs while the test talks to it.
private final class RunningProgram {
  private let process = Process()
  private let input = Pipe()
  private let errors = Pipe()
  private let outputFile: URL
  private var pending = Data()

  init(_ words: [String], in folder: TemporaryFolder) throws {
    outputFile = try folder.file("standard-output", "")
    process.executableURL = builtPipe
    process.arguments = words
    process.currentDirectoryURL = folder.url
    process.environment = ["PATH": "/usr/bin:/bin"]
    process.standardInput = input
    process.standardOutput = try FileHandle(forWritingTo: outputFile)
    process.standardError = errors
    try process.run()
  }

  func send(_ bytes: Data) throws {
    try input.fileHandleForWriting.write(contentsOf: bytes)
  }

  func endInput() throws {
    try input.fileHandleForWriting.close()
  }

  func signal(_ number: Int32) {
    kill(process.processIdentifier, number)
  }

  /// Reads the standard error up to a line that holds `text`; blocks until it comes.
  func waitForLine(with text: String) throws {
    while true {
      while let end = pending.firstIndex(of: UInt8(ascii: "\n")) {
        let line = String(decoding: pending[..<end], as: UTF8.self)
        pending = Data(pending[(end + 1)...])
        if line.contains(text) { return }
      }
      let more = errors.fileHandleForReading.availableData
      try #require(!more.isEmpty, "the program ended without saying \(text)")
      pending += more
    }
  }

  /// What it still says, and its exit code.
  func finish() throws -> Outcome {
    pending += errors.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return Outcome(
      status: process.terminationStatus, output: String(decoding: try Data(contentsOf: outputFile), as: UTF8.self),
      errors: String(decoding: pending, as: UTF8.self))
  }
}

@Suite("Ctrl-C on the built program") struct SignalTests {
  /// The stream of a fixture, cut in the middle: enough for a reader to begin with, and the rest.
  private func stream(_ folder: TemporaryFolder) throws -> (first: Data, rest: Data) {
    let file = folder.url.appending(path: "stream.tar")
    let archive = fixtures.appending(path: "shapes-cifar.tar.gz").path
    let outcome = try run(["decode", "-q", "-i", archive, "-o", file.path])
    try #require(outcome.status == 0, "\(outcome.errors)")
    let whole = try Data(contentsOf: file)
    return (whole.prefix(whole.count / 2), whole.dropFirst(whole.count / 2))
  }

  @Test func `a reader waits for its upstream and publishes`() throws {
    let folder = try TemporaryFolder()
    let (first, rest) = try stream(folder)
    let shard = try RunningProgram(["shard", "--progress=json", "-o", "out"], in: folder)
    try shard.send(first)
    try shard.waitForLine(with: "progress")
    shard.signal(SIGINT)
    try shard.waitForLine(with: "waiting for the stream to end")
    try shard.send(rest)
    try shard.endInput()
    let outcome = try shard.finish()
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(try run(["verify", folder.url.appending(path: "out").path]).status == 0)
  }

  @Test func `the second Ctrl-C gives up and leaves nothing`() throws {
    let folder = try TemporaryFolder()
    let (first, _) = try stream(folder)
    let shard = try RunningProgram(["shard", "--progress=json", "-o", "out"], in: folder)
    try shard.send(first)
    try shard.waitForLine(with: "progress")
    shard.signal(SIGINT)
    try shard.waitForLine(with: "waiting")
    shard.signal(SIGINT)
    // In a shell the upstream got it too and ends, so that the reader is not left waiting for bytes.
    try shard.endInput()
    let outcome = try shard.finish()
    #expect(outcome.status == 130, "\(outcome.errors)")
    #expect(!FileManager.default.fileExists(atPath: folder.url.appending(path: "out").path))
  }

  @Test func `a reader that is stuck is ended by the third`() throws {
    let folder = try TemporaryFolder()
    let (first, _) = try stream(folder)
    let shard = try RunningProgram(["shard", "--progress=json", "-o", "out"], in: folder)
    try shard.send(first)
    try shard.waitForLine(with: "progress")
    shard.signal(SIGINT)
    try shard.waitForLine(with: "waiting")
    // The input stays open and silent, so the cancellation that the second asks for is not noticed.
    shard.signal(SIGINT)
    shard.signal(SIGTERM)
    let outcome = try shard.finish()
    #expect(outcome.status == 130 || outcome.status == 143)
    #expect(!FileManager.default.fileExists(atPath: folder.url.appending(path: "out/pipe.manifest").path))
  }

  @Test func `a decoder stops and its stream has no end`() throws {
    let folder = try TemporaryFolder()
    let (first, _) = try stream(folder)
    let decode = try RunningProgram(["decode", "--progress=json"], in: folder)
    try decode.send(first)
    try decode.waitForLine(with: "progress")
    decode.signal(SIGTERM)
    // A read that is under way returns; whether the cancellation or the missing rest is seen first is a race.
    try decode.endInput()
    let outcome = try decode.finish()
    #expect(outcome.status == 143 || outcome.status == 75, "\(outcome.errors)")
    #expect(!outcome.output.contains("__pipe__/end"))
  }

  @Test func `progress for programs ends with the whole count`() throws {
    let folder = try TemporaryFolder()
    let archive = fixtures.appending(path: "shapes-cifar.tar.gz").path
    let outcome = try run(
      ["decode", "--progress=json", "-i", archive, "-o", folder.url.appending(path: "x.tar").path])
    let events = try outcome.errors.split(separator: "\n").map {
      try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
    }
    let last = try #require(events.last { $0["event"] as? String == "progress" })
    #expect(last["done"] as? Int == 200)
    #expect(last["unit"] as? String == "samples")
  }
}
