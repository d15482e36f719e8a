import Catalog
import Datasets
import Foundation
import Testing

@testable import Command

@Suite("Parts of the classes") struct PartitionTests {
  @Test func `every class is in one part, every part has some, and all have about as many samples`() throws {
    var state: UInt64 = 9
    func random(_ limit: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(state >> 33) % limit
    }
    for _ in 0..<200 {
      let samples = (0..<1 + random(40)).map { _ in random(5) == 0 ? 1 + random(500) : 1 + random(20) }
      let wanted = samples.map { _ in random(4) }
      let classes = wanted.count { $0 > 0 }
      for parts in 1...max(1, classes) where classes > 0 {
        var next = 0
        for part in 1...parts {
          let range = try #require(Partition(part: part, of: parts)?.classes(samples: samples, wanted: wanted))
          #expect(range.lowerBound >= next && wanted[next..<range.lowerBound].allSatisfy { $0 == 0 })
          let own = range.filter { wanted[$0] > 0 }
          #expect(!own.isEmpty)
          // A cut is at the nearest class: a part exceeds its share by less than its largest class, or has only one.
          let total = zip(samples, wanted).reduce(0) { $0 + ($1.1 > 0 ? $1.0 : 0) }
          let size = own.reduce(0) { $0 + samples[$1] }
          #expect(own.count == 1 || Double(size) <= Double(total) / Double(parts) + 2 * Double(samples.max() ?? 0))
          next = range.upperBound
        }
        #expect(wanted[next...].allSatisfy { $0 == 0 })
      }
      #expect(Partition(part: 1, of: classes + 1)?.classes(samples: samples, wanted: wanted) == nil)
    }
  }

  /// What was typed beside `--method random`, under these variables: the part, or what is said.
  private func part(_ text: String, _ environment: [String: String] = [:]) -> String {
    do throws(UsageError) {
      let arguments = try Arguments(["--method", "random", "--partition=\(text)"], for: .condense)
      return try arguments.partition("partition", environment: environment)?.text ?? "all"
    } catch {
      return error.message
    }
  }

  private func slurm(_ id: Int, _ count: Int, _ least: Int, _ most: Int, step: Int? = nil) -> [String: String] {
    var variables = ["ID": id, "COUNT": count, "MIN": least, "MAX": most]
    variables["STEP"] = step
    return Dictionary(uniqueKeysWithValues: variables.map { ("SLURM_ARRAY_TASK_\($0)", String($1)) })
  }

  private func mpi(_ rank: Int, of size: Int, _ prefix: String = "OMPI_COMM_WORLD") -> [String: String] {
    ["\(prefix)_RANK": String(rank), "\(prefix)_SIZE": String(size)]
  }

  @Test func `parts are counted from 1 and typed as two numbers`() {
    #expect(part("1/4") == "1/4" && part("4/4") == "4/4" && part("1/1") == "1/1")
    for text in ["0/4", "5/4", "1/0", "-1/4", "1", "1/", "/4", "1/4/2", "1.5/4", "+1/4", "a/b", "1 /4"] {
      #expect(part(text).hasPrefix("--partition takes a part and the number of parts"), "\(text)")
    }
  }

  @Test func `auto is the task of a Slurm array, wherever the array begins and whatever its step is`() {
    #expect(part("auto", slurm(0, 4, 0, 3)) == "1/4" && part("auto", slurm(3, 4, 0, 3)) == "4/4")
    #expect(part("auto", slurm(5, 3, 4, 6)) == "2/3" && part("auto", slurm(9, 4, 0, 9, step: 3)) == "4/4")
    #expect(part("auto/4", slurm(2, 4, 1, 4)) == "2/4")
    // --array=1,2,7 has gaps, and tasks of a part of an array would take other classes than they had.
    #expect(part("auto", slurm(7, 3, 1, 7)).contains("have gaps"))
    #expect(part("auto", slurm(8, 4, 0, 3)).contains("do not have the number 8"))
    #expect(part("auto/4", slurm(2, 2, 2, 3)) == "--partition auto/4: task 2 of the Slurm array is one of 2")
    #expect(part("auto", ["SLURM_ARRAY_TASK_ID": "1"]) == "--partition auto: SLURM_ARRAY_TASK_COUNT is not set")
    #expect(part("auto", slurm(1, 4, 0, 3).merging(["SLURM_ARRAY_TASK_ID": "x"]) { $1 }).contains("is not a number"))
  }

  @Test func `auto is the rank of MPI, and with a number the index of a Kubernetes job`() {
    #expect(part("auto", mpi(0, of: 3)) == "1/3" && part("auto", mpi(2, of: 3, "PMI")) == "3/3")
    #expect(part("auto", mpi(3, of: 3)).contains("OMPI_COMM_WORLD_RANK is 3, and OMPI_COMM_WORLD_SIZE 3"))
    #expect(part("auto", ["PMI_RANK": "1"]) == "--partition auto: PMI_SIZE is not set")
    #expect(part("auto/8", ["JOB_COMPLETION_INDEX": "7"]) == "8/8")
    #expect(part("auto", ["JOB_COMPLETION_INDEX": "7"]).contains("give the number of completions, as in auto/8"))
    #expect(part("auto/7", ["JOB_COMPLETION_INDEX": "7"]).contains("is not one of 0 to 6"))
  }

  @Test func `auto is never all classes, and two answers are none`() {
    #expect(part("auto").contains("no variable of a cluster's job is set") && part("auto/4").contains("no variable"))
    #expect(part("auto", slurm(3, 1, 3, 3)).contains("which would be all classes"))
    #expect(part("auto/4", mpi(0, of: 1)).contains("which would be all classes"))
    #expect(part("auto/1", mpi(0, of: 1)) == "1/1")
    // A rank of its own, which srun gives to a task of an array, says nothing.
    let both = slurm(2, 4, 0, 3).merging(mpi(0, of: 1, "PMI")) { $1 }
    #expect(part("auto", both) == "3/4")
    let contrary = slurm(2, 4, 0, 3).merging(mpi(0, of: 4)) { $1 }
    #expect(part("auto", contrary).contains("is part 3 of 4, and OMPI_COMM_WORLD_RANK 0 part 1 of 4"))
    for text in ["auto/", "auto/x", "auto/0", "auto/2/3", "auto/-2"] {
      #expect(part(text).contains("auto/N"), "\(text)")
    }
  }

  @Test func `in a pipeline file the part is named`() throws {
    let folder = try TemporaryFolder()
    for (text, answer) in [
      ("2/8", "--partition=2/8"), ("auto/8", "name the part, as in '2/8'"), ("9/8", "such as 1/4"),
    ] {
      let outcome = try shell(
        """
        echo '{ format: 1, datasets: [{ output: "o", input: ["\(fixtures.path)/shapes-cifar.tar.gz"], steps: [
          { verb: "condense", options: { method: "random", partition: "\(text)" } }, { verb: "shard" }] }] }' > p.json5
        pipe run --dry-run p.json5
        """, in: folder)
      #expect(outcome.text.contains(answer), "\(outcome.text)")
    }
  }
}
