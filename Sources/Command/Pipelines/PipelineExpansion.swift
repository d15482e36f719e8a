internal import FoundationEssentials

/// A pipeline file after variables, matrices and lists of options were worked out: what is left is the plain form.
struct PipelineExpansion {
  /// Where a dataset of the plain form comes from.
  struct Origin: Equatable, Sendable {
    /// Its number in the file.
    var index: Int
    /// Its cell; nil without a matrix.
    var cell: MatrixCell?

    /// `datasets[0]`, or `datasets[0] (method dm, ipc 10)`.
    var place: String { "datasets[\(index)]" + (cell.map { " (\($0.text))" } ?? "") }
  }

  /// The plain form.
  private(set) var value: PipelineValue
  /// By number in the plain form.
  private(set) var origins: [Origin] = []

  /// Works out a file.
  ///
  /// - Parameter typed: what `--set` gives to variables.
  /// - Throws: `Refusal`; `UnknownVariable` for a name that the file does not have.
  init(_ file: PipelineValue, typed: [String: String], environment: [String: String]) throws {
    value = file
    guard case .table(var members) = file else { return }
    var variables: [String: PipelineValue] = [:]
    if let value = members.removeValue(forKey: "variables") {
      guard case .table(let table) = value else { throw Refusal([Key("variables")], "should be an object in braces") }
      variables = table
    }
    for name in typed.keys.sorted() where variables[name] == nil {
      throw UnknownVariable(name: name, known: variables.keys.sorted())
    }
    let names = try PipelineNames(variables, typed: typed, environment: environment)
    let datasets = members.removeValue(forKey: "datasets")
    guard case .table(var plain) = try names.filled(.table(members), at: []) else { return }
    if case .list(let list)? = datasets {
      var expanded: [PipelineValue] = []
      for (index, dataset) in list.enumerated() {
        for (cell, value) in try expansion(of: dataset, names, at: [Key("datasets"), Key(index)]) {
          origins.append(Origin(index: index, cell: cell))
          expanded.append(value)
        }
      }
      plain["datasets"] = .list(expanded)
    } else if let datasets {
      plain["datasets"] = datasets
    }
    value = .table(plain)
  }
}

/// `--set` names a variable that the file does not have.
struct UnknownVariable: Error, Equatable {
  var name: String
  var known: [String]
}

private func expansion(
  of dataset: PipelineValue, _ names: PipelineNames, at place: [Key]
) throws(Refusal) -> [(cell: MatrixCell?, value: PipelineValue)] {
  guard case .table(var members) = dataset else { return [(nil, try names.filled(dataset, at: place))] }
  let matrix = members.removeValue(forKey: "matrix")
  let exclude = members.removeValue(forKey: "exclude")
  guard let matrix else {
    if exclude != nil { throw Refusal(place + [Key("exclude")], "means nothing without a 'matrix'") }
    return [(nil, try merged(names.filled(.table(members), at: place), at: place))]
  }
  let cells: [MatrixCell]
  do throws(Refusal) {
    cells = try matrixCells(
      names.filled(matrix, at: [Key("matrix")]),
      exclude: exclude.map { v throws(Refusal) in try names.filled(v, at: [Key("exclude")]) },
      output: members["output"], beside: names)
  } catch {
    throw Refusal(place + error.place, error.problem, error.remedy)
  }
  var expanded: [(cell: MatrixCell?, value: PipelineValue)] = []
  for cell in cells {
    let filled = try names.adding(cell.values).filled(.table(members), at: place)
    expanded.append((cell, try merged(filled, at: place)))
  }
  return expanded
}

/// Options that are a list of tables, as one table: what comes later wins.
private func merged(_ dataset: PipelineValue, at place: [Key]) throws(Refusal) -> PipelineValue {
  guard case .table(var members) = dataset, case .list(var steps)? = members["steps"] else { return dataset }
  for (index, step) in steps.enumerated() {
    guard case .table(var step) = step, case .list(let tables)? = step["options"] else { continue }
    var options: [String: PipelineValue] = [:]
    for (number, table) in tables.enumerated() {
      guard case .table(let table) = table else {
        throw Refusal(
          place + [Key("steps"), Key(index), Key("options"), Key(number)], "should be an object in braces")
      }
      options.merge(table) { $1 }
    }
    step["options"] = .table(options)
    steps[index] = .table(step)
  }
  members["steps"] = .list(steps)
  return .table(members)
}

extension PipelineValue {
  /// The value of a JSON5 text; nil where it is none.
  init?(document: String) {
    let decoder = JSONDecoder()
    decoder.allowsJSON5 = true
    guard let value = try? decoder.decode(PipelineValue.self, from: Data(document.utf8)) else { return nil }
    self = value
  }
}
