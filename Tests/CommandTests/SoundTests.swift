import Foundation
import Testing

@Suite("Folders of sound files") struct SoundTests {
  private let tones = fixtures.appending(path: "tones.tar.gz").path

  @Test func `sounds become verified shards, from a file and through a pipe`() throws {
    let folder = try TemporaryFolder()
    let patterns = "--label-pattern '{label}_*' --test-pattern '*_[01].*'"
    let outcome = try shell(
      "pipe decode \(patterns) < \(tones) | pipe shard -o a && pipe shard \(patterns) -i \(tones) -o b && "
        + "cmp a/*.tar b/*.tar && pipe verify a && pipe inspect a && pipe preview a -o a.png && head -c 4 a.png | tail -c 3",
      in: folder)
    #expect(outcome.status == 0, "\(outcome.text)")
    for words in [
      "layout audio-folder, train split, 4 classes", "the names of its files give the classes fall, high, low, rise",
      "wrote 24 samples of 4 classes in 1 shard of npy, cls, json", "clips of 8,000 Hz and 1.0 s; rows of 63.0 Hz",
      "PNG",
    ] { #expect(outcome.text.contains(words), "\(words)") }
  }

  @Test func `a missing library makes no bad clip`() throws {
    let folder = try TemporaryFolder()
    let run = try shell(
      "mkdir lib && echo > lib/libsndfile.so.1; export LD_LIBRARY_PATH=$PWD/lib; "
        + "pipe shard --label-pattern '{label}_*' -i \(tones) -o out --on-bad-sample skip; echo status $?; ls",
      in: folder)
    #expect(run.text.contains("sound needs libsndfile (Debian's libsndfile1)"), "\(run.text)")
    #expect(run.text.contains("status 74\n") && !run.text.contains("\nout\n"), "\(run.text)")
  }

  @Test(arguments: [
    ("--label-pattern '*'", "--label-pattern '*' has no {label}; write it where the class stands: {label}_*"),
    ("--label-pattern '*{label}'", "does not say where {label} ends"),
    ("--test-pattern '{label}_1'", "has a {label}; write * there"),
    ("--test-pattern '[0'", "has a [ without its ]"),
    ("--label-pattern '{label}_*' --resize 32", "spectrograms cannot be resized or cropped"),
  ]) func `what cannot be a pattern is refused before anything is read`(options: String, words: String) throws {
    let folder = try TemporaryFolder()
    let outcome = try shell("pipe shard \(options) -i \(tones) -o x; echo status $?; ls", in: folder)
    #expect(outcome.text.contains(words), "\(outcome.text)")
    #expect(outcome.text.contains("status 64\n"), "\(outcome.text)")
    #expect(!outcome.text.contains("\nx\n"))
  }
}
