import Foundation
import Testing

/// What a verb leaves when its input changes under it.
///
/// The dataset has 9 MB, and no verb is ahead of a reader that stands still by more than a third of that.
@Suite("Verbs and reading faults") struct ReadingFaultVerbTests {
  /// Noise, which no PNG makes smaller, in ten shards in folder `a`; `next` is another dataset of the same name.
  private static let original = Result {
    let folder = try TemporaryFolder()
    let python = """
      import os, random
      random.seed(1)
      for name in ("cat", "dog"):
          os.makedirs("photos/" + name)
          for index in range(350):
              with open(f"photos/{name}/{index:03}.ppm", "wb") as file: file.write(b"P6 64 64 255\\n" + random.randbytes(12288))
      """
    _ = try folder.file("draw.py", python)
    let made = try shell(
      "python3 draw.py && pipe shard -q -i photos -o a --shards 10 && pipe cat -q --take 90 a | pipe shard -q -o next --shards 3",
      in: folder)
    #expect(made.status == 0, "\(made.text)")
    return folder
  }

  private func workplace() throws -> TemporaryFolder {
    let folder = try TemporaryFolder()
    let original = try Self.original.get().url.path
    try shell("cp -r \(original)/a \(original)/next .; chmod u+w a/*; ln -s a current", in: folder)
    return folder
  }

  /// What happens after the first bytes have come through a pipe, the exit code, and what is said.
  private static let faults = [
    ("rm a/photos-train-000008.tar", 65, "photos-train-000008.tar: is missing, and the manifest names it"),
    ("truncate -s 512K a/photos-train-000008.tar", 65, "photos-train-000008.tar"),
    ("printf x >> a/photos-train-000008.tar", 65, "photos-train-000008.tar"),
    (
      "printf x | dd conv=notrunc bs=1 seek=99999 of=a/photos-train-000008.tar status=none", 65,
      "photos-train-000008.tar"
    ),
    ("ln -s next n && mv -T n current && rm -r a", 75, "current: was replaced while it was being read"),
  ]

  @Test(arguments: faults.indices) func `a stream of shards that change is refused, and nothing is published`(
    index: Int
  ) throws {
    let folder = try workplace()
    let (fault, code, words) = Self.faults[index]
    let outcome = try shell(
      "pipe cat current | { head -c 65536; \(fault); cat; } | pipe shard -o out; echo ${PIPESTATUS[@]}; ls -A",
      in: folder)
    #expect(outcome.text.contains("\n\(code) 0 \(code)\n"), "\(outcome.text)")
    #expect(outcome.text.contains("pipe cat: ") && outcome.text.contains(words), "\(outcome.text)")
    #expect(!outcome.text.contains("\nout"), "\(outcome.text)")
  }

  @Test(arguments: ["merge -q --renumber a b", "cat -q --per-class 340 a", "cat -q a"])
  func `verbs that copy name the shard`(
    line: String
  ) throws {
    let folder = try workplace()
    let outcome = try shell(
      "pipe cat -q --take 20 a | pipe shard -q -o b; "
        + "pipe \(line) | { head -c 65536; rm a/photos-train-000008.tar; cat; } > x; echo ${PIPESTATUS[0]}; "
        + "tar tf x 2> /dev/null | tail -n 1", in: folder)
    #expect(outcome.text.contains("a/photos-train-000008.tar: is missing"), "\(outcome.text)")
    #expect(outcome.text.hasSuffix("\n65\n__pipe__/error\n"), "\(outcome.text)")
  }

  @Test func `a shard that is gone before anything was written leaves no folder`() throws {
    let folder = try workplace()
    let outcome = try shell(
      "rm -f a/photos-train-000008.tar; for line in 'shard -i a' 'shard --shuffle 1 -i a' 'merge a'; do pipe $line -o out; echo $?; done; ls -A",
      in: folder)
    #expect(outcome.text.components(separatedBy: "photos-train-000008.tar: is missing").count == 4, "\(outcome.text)")
    #expect(outcome.text.components(separatedBy: "\n65\n").count == 4, "\(outcome.text)")
    #expect(!outcome.text.contains("\nout"), "\(outcome.text)")
  }
}
