/// A cell of a matrix: one value of each axis.
struct MatrixCell: Equatable, Sendable {
  /// An axis and what its value is called.
  struct Coordinate: Equatable, Sendable {
    var axis: String
    var label: String
  }

  /// In the order in which the output names the axes.
  var coordinates: [Coordinate]
  /// What `${AXIS}` and `${AXIS.MEMBER}` stand for.
  var values: [String: PipelineValue]

  /// `method dm, ipc 10`.
  var text: String { coordinates.map { "\($0.axis) \($0.label)" }.joined(separator: ", ") }
}

/// The cells of a dataset's matrix, the last axis changing fastest; those that `exclude` names are left out.
///
/// - Parameters:
///   - matrix: a list of values for each axis, after variables were filled in. A value is a number, a text, or a table with a
///     `label` and members.
///   - exclude: what is left out: for each a value of some axes.
///   - output: the text of the output, which tells the order of the axes and has to name every one.
///   - names: what the names of axes must differ from.
/// - Throws: `Refusal` with a place inside the dataset.
func matrixCells(
  _ matrix: PipelineValue, exclude: PipelineValue?, output: PipelineValue?, beside names: PipelineNames
) throws(Refusal) -> [MatrixCell] {
  let place = [Key("matrix")]
  guard case .table(let axes) = matrix else { throw Refusal(place, "should be an object in braces") }
  guard !axes.isEmpty else { throw Refusal(place, "has no axis") }
  var order: [String] = []
  for name in output.map(references) ?? [] where axes[name] != nil && !order.contains(name) { order.append(name) }
  for name in axes.keys.sorted() where !order.contains(name) {
    throw Refusal(
      [Key("output")], "does not name the axis \(quoted(name)), so that several cells would have one output",
      "put ${\(name)} into it")
  }
  var cells = [MatrixCell(coordinates: [], values: [:])]
  for name in order {
    let place = place + [Key(name)]
    guard isPlainName(name), names.values[name] == nil else {
      let isTaken = names.values[name] != nil
      throw Refusal(
        place, isTaken ? "is the name of a variable too" : "is no name of an axis",
        isTaken ? "give one of them another name" : "take letters, digits, - and _, a letter first")
    }
    guard case .list(let values)? = axes[name], !values.isEmpty else {
      throw Refusal(place, "should be a list of values in brackets")
    }
    var entries: [(label: String, values: [String: PipelineValue])] = []
    for (index, value) in values.enumerated() {
      let entry = try axisValue(value, of: name, at: place + [Key(index)])
      guard !entries.contains(where: { $0.label == entry.label }) else {
        throw Refusal(place + [Key(index)], "is the value \(quoted(entry.label)) again")
      }
      entries.append(entry)
    }
    cells = cells.flatMap { cell in
      entries.map { entry in
        MatrixCell(
          coordinates: cell.coordinates + [.init(axis: name, label: entry.label)],
          values: cell.values.merging(entry.values) { $1 })
      }
    }
  }
  return try remaining(cells, without: exclude, axes: order)
}

/// What a value is called, and what it gives to names.
private func axisValue(
  _ value: PipelineValue, of axis: String, at place: [Key]
) throws(Refusal) -> (label: String, values: [String: PipelineValue]) {
  if let text = value.scalarText, !text.isEmpty { return (text, [axis: value]) }
  guard case .table(let members) = value, let label = members["label"]?.scalarText, !label.isEmpty else {
    throw Refusal(place, "should be a number, a text, or an object with a 'label'")
  }
  var values = [axis: PipelineValue.text(label)]
  for (name, member) in members { values["\(axis).\(name)"] = member }
  return (label, values)
}

private func remaining(
  _ cells: [MatrixCell], without exclude: PipelineValue?, axes: [String]
) throws(Refusal) -> [MatrixCell] {
  guard let exclude else { return cells }
  let place = [Key("exclude")]
  guard case .list(let patterns) = exclude else { throw Refusal(place, "should be a list in brackets") }
  var remaining = cells
  for (index, pattern) in patterns.enumerated() {
    let place = place + [Key(index)]
    guard case .table(let wanted) = pattern, !wanted.isEmpty else {
      throw Refusal(place, "should be an object of axes and values")
    }
    for axis in wanted.keys.sorted() where !axes.contains(axis) {
      let near = nearest(to: axis, among: axes).map { "did you mean \($0)?" }
      throw Refusal(
        place, "names \(quoted(axis)), which is no axis", near ?? "these are: \(axes.joined(separator: ", "))")
    }
    func matches(_ cell: MatrixCell) -> Bool {
      cell.coordinates.allSatisfy { wanted[$0.axis] == nil || wanted[$0.axis]?.scalarText == $0.label }
    }
    guard cells.contains(where: matches) else { throw Refusal(place, "matches no cell of the matrix") }
    remaining.removeAll(where: matches)
  }
  guard !remaining.isEmpty else { throw Refusal(place, "leaves no cell of the matrix") }
  return remaining
}
