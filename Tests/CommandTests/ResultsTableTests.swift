import Datasets
import Foundation
import Shards
import Testing

@testable import Command

private func result(_ accuracies: [Double], from start: Double? = nil, random: Double? = nil) -> EvaluationResult {
  func row(_ set: String, _ values: [Double], baseline: Bool) -> EvaluationResult.Row {
    .init(
      set: set, baseline: baseline, network: "convnet", accuracies: values, perClass: [], images: 10, trainedOn: 10,
      seconds: 1, stoppedEarly: false)
  }
  var rows = [row("dm", accuracies, baseline: false)]
  if let start { rows.append(row("initial images", [start], baseline: true)) }
  if let random { rows.append(row("random", [random], baseline: true)) }
  return EvaluationResult(
    protocol: "P-DSA", augmentation: "color_crop", epochs: 1, prescribedEpochs: 1, repeats: accuracies.count, seed: 0,
    precision: "float32",
    networks: ["convnet"], width: 128, device: "cpu", test: "digits", testSplit: .test, classes: [], countPerClass: [],
    rows: rows)
}

private func entry(_ method: String, ipc: Int, seed: Int, _ result: EvaluationResult?) -> ResultsTable.Entry {
  .init(
    coordinates: [
      .init(axis: "method", label: method), .init(axis: "ipc", label: "\(ipc)"), .init(axis: "seed", label: "\(seed)"),
    ], output: "out/\(method)-\(ipc)-\(seed)", results: [result])
}

@Suite("Tables of results") struct ResultsTableTests {
  @Test func `mean and deviation are over seeds, with one seed over networks, and what was not run is said`() {
    let table = ResultsTable(entries: [
      entry("dm", ipc: 1, seed: 0, result([0.5, 0.5], from: 0.25, random: 0.125)),
      entry("dm", ipc: 1, seed: 1, result([0.75, 0.75], from: 0.5, random: 0.375)),
      entry("dm", ipc: 10, seed: 0, result([0.5, 0.75])),
      entry("dm", ipc: 10, seed: 1, nil),
      entry("a|b", ipc: 1, seed: 0, nil), entry("a|b", ipc: 1, seed: 1, nil),
    ])
    #expect(
      table.markdown == """
        Accuracy in % on digits after the last epoch, P-DSA (color_crop), convnet; mean ± std over seeds:

        | ipc | dm | a\\|b | random baseline |
        | --- | --- | --- | --- |
        | 1 | 62.5 ± 17.7, from 37.5 | not run | 25.0 ± 17.7 |
        | 10 | 62.5 ± 17.7 (1 of 2 seeds) |  | not run |

        """)
  }

  @Test func `datasets that have nothing to do with each other have columns of their own`() {
    let one = ResultsTable.Entry(index: 0, coordinates: [], output: "x/set", results: [result([0.9])])
    let other = ResultsTable.Entry(index: 1, coordinates: [], output: "y/set", results: [result([0.1])])
    let lines = ResultsTable(entries: [one, other]).markdown.split(separator: "\n")
    #expect(lines.suffix(3) == ["| x/set | y/set |", "| --- | --- |", "| 90.0 | 10.0 |"])
    func cell(_ index: Int, ipc: Int) -> ResultsTable.Entry {
      let axis = MatrixCell.Coordinate(axis: "ipc", label: "\(ipc)")
      return .init(index: index, coordinates: [axis], output: "\(index)/\(ipc)", results: [result([0.5])])
    }
    let matrices = ResultsTable(entries: [cell(0, ipc: 1), cell(1, ipc: 1)]).markdown
    #expect(matrices.contains("| ipc | accuracy of datasets[0] | accuracy of datasets[1] |"), "\(matrices)")
    // Two datasets of the file that share no row go on in one column.
    let rows = ResultsTable(entries: [cell(0, ipc: 1), cell(1, ipc: 10)]).markdown
    #expect(rows.contains("| ipc | accuracy |\n"), "\(rows)")
  }

  @Test func `what is a table is known by its first line`() {
    let table = ResultsTable(entries: [entry("dm", ipc: 1, seed: 0, result([0.5]))])
    #expect(ResultsTable.isTable(table.markdown) && ResultsTable.isTable(table.csv) && ResultsTable.isTable(""))
    #expect(ResultsTable.isTable(ResultsTable(entries: [entry("dm", ipc: 1, seed: 0, nil)]).markdown))
    #expect(!ResultsTable.isTable("my own notes\nAccuracy in %\n") && !ResultsTable.isTable("a,b\n1,2\n"))
  }

  @Test func `programs find every set of every cell, and a line for what was not run`() {
    let table = ResultsTable(entries: [
      entry("d,m", ipc: 1, seed: 0, result([0.5, 0.75], random: 0.125)), entry("d,m", ipc: 1, seed: 1, nil),
    ])
    let lines = table.csv.split(separator: "\n")
    #expect(
      lines[0].hasPrefix(
        "method,ipc,seed,output,evaluation,state,set,baseline,network,protocol,augmentation,test,images,"))
    #expect(
      lines[1].hasPrefix("\"d,m\",1,0,\"out/d,m-1-0\",0,run,dm,false,convnet,P-DSA,color_crop,digits,10,10,0.625,0.17"))
    #expect(lines[1].hasSuffix(",0.5 0.75,1"))
    #expect(lines[2].contains(",run,random,true,"))
    #expect(lines[3] == "\"d,m\",1,1,\"out/d,m-1-1\",0,not run,,,,,,,,,,,,")
    #expect(lines.count == 4)
  }

  @Test func `evaluations in a folder belong to one generation, and what is no such file is none`() throws {
    let folder = try TemporaryFolder()
    let dataset = folder.url.appending(path: "set")
    try FileManager.default.createDirectory(at: dataset, withIntermediateDirectories: true)
    let file = EvaluationFile(
      generation: "g", evaluations: [.init(digest: "d", options: ["--repeats=2"], result: result([0.5]))])
    try file.write(toFolder: dataset.path)
    #expect(EvaluationFile(inFolder: dataset.path, of: "g") == file)
    #expect(EvaluationFile(inFolder: dataset.path, of: "h") == nil)
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.url.path) == ["set"])
    #expect(try FileManager.default.contentsOfDirectory(atPath: dataset.path) == ["pipe.evaluations"])
    try Data("{".utf8).write(to: dataset.appending(path: EvaluationFile.name))
    #expect(EvaluationFile(inFolder: dataset.path, of: "g") == nil)
  }
}
