import Foundation
import Testing

@Suite("verify --repair") struct RepairVerbTests {
  private func dataset(in folder: TemporaryFolder) throws {
    let made = try shell(
      "pipe shard -q -i \(fixtures.path)/shapes-cifar.tar.gz --max-samples 60 -o a && cp -r a whole && chmod u+w a/*",
      in: folder)
    #expect(made.status == 0, "\(made.text)")
  }

  @Test func `what can be rebuilt is, what cannot is said, and the exit code tells which`() throws {
    let folder = try TemporaryFolder()
    try dataset(in: folder)
    let repaired = try shell(
      "rm a/SHA256SUMS; mv a/*-000001.tar a/x; pipe verify a > log; echo $?; pipe verify --repair a; echo $?; diff -r a whole",
      in: folder)
    #expect(repaired.text.contains("see what --repair can do\n2\n"), "\(repaired.text)")
    #expect(
      repaired.text.contains("a/shapes-cifar-train-000001.tar: was in x, and has its name again"), "\(repaired.text)")
    #expect(repaired.text.contains("a/SHA256SUMS: written anew from the manifest"), "\(repaired.text)")
    #expect(
      repaired.text.contains("a: sound; 200 samples in 4 shards") && repaired.text.hasSuffix("\n0\n"),
      "\(repaired.text)")
    let damaged = try shell(
      "printf X | dd of=a/shapes-cifar-train-000002.tar bs=1 seek=600 conv=notrunc status=none; pipe verify --repair --json a; echo $?",
      in: folder)
    #expect(
      damaged.text.contains(#""sound": false"#) && damaged.text.contains(#""not_repaired": ["#), "\(damaged.text)")
    #expect(damaged.text.contains("a is still damaged") && damaged.text.hasSuffix("\n2\n"), "\(damaged.text)")
  }

  @Test func `a manifest comes back only with a word about the formation, and says ever after what it does not know`()
    throws
  {
    let folder = try TemporaryFolder()
    try dataset(in: folder)
    let asked = try shell("rm a/pipe.manifest; pipe verify --repair a; echo $?; pipe verify a; echo $?", in: folder)
    #expect(asked.text.contains("say --formation none, or uniform=2") && asked.text.contains("\n2\n"), "\(asked.text)")
    #expect(asked.text.hasSuffix("\n66\n"), "\(asked.text)")
    for (words, code) in [
      ("--formation two", 64), ("--formation uniform=1", 64), ("--formation uniform=2 --class-names a", 2),
    ] {
      #expect(try shell("pipe verify --repair \(words) a", in: folder).status == code)
    }
    #expect(try shell("pipe verify --formation none whole", in: folder).status == 64)
    let rebuilt = try shell(
      "pipe verify --repair --formation uniform=2 a && pipe cat -q --form a | tar t | grep -c png; pipe shard -i a -o b; pipe inspect b",
      in: folder)
    #expect(
      rebuilt.text.contains("names of classes are not known any more") && rebuilt.text.contains("\n800\n"),
      "\(rebuilt.text)")
    #expect(rebuilt.text.contains("a: its manifest was rebuilt from its shards, which do not tell "), "\(rebuilt.text)")
    #expect(
      rebuilt.text.contains("1. repair, pipe") && rebuilt.text.contains("--unknown dataset history label_names"),
      "\(rebuilt.text)")
  }

  @Test func `where nothing can be written it is said`() throws {
    guard geteuid() != 0 else { return }
    let folder = try TemporaryFolder()
    try dataset(in: folder)
    let tried = try shell(
      "rm a/SHA256SUMS; chmod a-w a; pipe verify --repair a; code=$?; chmod u+w a; exit $code", in: folder)
    #expect(tried.status == 73, "\(tried.text)")
  }
}
