/// A table beside images: rows of cells, with or without a row of column names.
struct LabelTable {
  /// Its path in the archive or folder.
  let path: String
  /// The folders above it, which the names in it may start from.
  let folder: [String]
  /// The names of the columns; nil where the first row is data.
  private(set) var columns: [String]?
  private(set) var rows: [(line: Int, cells: [String])]
  /// The number of cells in every row.
  let width: Int

  /// Whether a file is a table by its name.
  ///
  /// A text file is one where its name says so, since many are not: `val_annotations.txt`, `train.txt`.
  static func isTable(_ basename: String) -> Bool {
    let lower = basename.lowercased()
    switch lower.lastPart {
    case "csv", "tsv", "jsonl", "ndjson": return lower.contains(".") && !lower.contains("submission")
    // What StyleGAN's tools write: `{"labels": [["00000/img00000000.png", 6], …]}`.
    case "json": return lower == "dataset.json"
    case "txt":
      let words = lower.dropLast(4).split { !$0.isLetter }.map(String.init)
      let telling: Set<String> = [
        "annotation", "annotations", "label", "labels", "list", "lists", "images", "truth", "groundtruth", "gt",
        "solution", "map",
        "meta", "metadata", "files", "classes", "split",
      ]
      return words.contains { telling.contains($0) } || namesPart(basename)
    default: return false
    }
  }

  /// Whether a table's name says of which part it is: `train.txt`, `TestImages.txt`, `trainval.csv`.
  static func namesPart(_ basename: String) -> Bool {
    let stem = String(basename.split(separator: ".").first ?? "")
    return PartName(stem).part != nil || isTrainAndVal(stem)
  }

  /// Whether a name is that of train and validation part together, as `trainval.txt` is in Oxford Pets.
  private static func isTrainAndVal(_ stem: String) -> Bool { stem.lowercased().filter(\.isLetter) == "trainval" }

  /// Reads a table; whether its first row names the columns is decided by `hasHeader`, which is asked with all rows.
  init(
    _ bytes: [UInt8], path: String, folder: [String], hasHeader: ([(line: Int, cells: [String])]) -> Bool
  ) throws(DelimitedText.Malformed) {
    self.path = path
    self.folder = folder
    switch path.lowercased().lastPart {
    case "jsonl", "ndjson":
      let lines = try JSONLines(bytes)
      columns = lines.keys
      rows = lines.rows
    case "json":
      guard case .object(let values)? = JSONValue(bytes), case .array(let pairs)? = values["labels"] else {
        throw DelimitedText.Malformed(problem: "has no list of labels")
      }
      columns = ["file_name", "label"]
      rows = []
      for (index, pair) in pairs.enumerated() {
        guard case .array(let cells) = pair, cells.count == 2 else {
          throw DelimitedText.Malformed(problem: "has something else than pairs of a file and a label in its list")
        }
        rows.append((index + 1, cells.map(JSONLines.cell)))
      }
    case let kind:
      let separators: [UInt8] =
        kind == "tsv" ? [0x09] : kind == "txt" ? [0x09, 0x2c, 0x3b, 0x20] : [0x2c, 0x3b, 0x09, 0x7c]
      rows = try DelimitedText(bytes, separators: separators).rows
      if let first = rows.first, hasHeader(rows) {
        columns = first.cells
        rows.removeFirst()
      }
    }
    width = columns?.count ?? rows.first?.cells.count ?? 0
    // A separator at the end of every row is a habit of some programs.
    for (index, row) in rows.enumerated() where row.cells.count != width {
      guard row.cells.count == width + 1, row.cells.last == "" else {
        throw DelimitedText.Malformed(
          problem:
            "has \(counted(row.cells.count, "cell")) in line \(row.line), where \(width) were expected; quote cells that hold "
            + "the separator")
      }
      rows[index].cells.removeLast()
    }
  }

  /// The part that its name says; nil where it says none, or that the table is about the parts.
  var part: Part? { tellsParts ? nil : isTrainAndVal ? .train : PartName(stem).part }

  /// Whether it lists the train and the validation part together.
  var isTrainAndVal: Bool { Self.isTrainAndVal(stem) }

  /// Whether its name says that it tells parts, as `list_eval_partition.txt` does: its numbers are not labels.
  var tellsParts: Bool {
    let words = stem.lowercased().split { !$0.isLetter }
    return ["partition", "partitions", "split", "splits", "folds"].contains { word in words.contains { $0 == word } }
  }

  /// Whether its name has something to do with parts: `train_test_split.txt`, `val.csv`.
  var isAboutParts: Bool { tellsParts || part != nil }

  private var stem: String { String(path.split(separator: "/").last?.split(separator: ".").first ?? "") }

  /// Whether a column has a name, and not one that labels have.
  func isGuess(_ column: Int) -> Bool { columns.map { !Self.labelNames.contains(Self.plain($0[column])) } ?? false }

  /// The name of a column for messages.
  func name(of column: Int) -> String { columns?[column] ?? "column \(column + 1)" }

  /// The column of that name, whatever its case; a number counts from 1.
  func column(named name: String) -> Int? {
    if let columns {
      return columns.firstIndex(of: name) ?? columns.firstIndex { $0.lowercased() == name.lowercased() }
    }
    return Int(name).flatMap { (1...width).contains($0) ? $0 - 1 : nil }
  }

  /// The cells of a column.
  func cells(_ column: Int) -> some Collection<String> { rows.lazy.map { $0.cells[column] } }

  // MARK: Names of columns

  /// A column's name as it is compared: letters and digits in lower case.
  static func plain(_ name: String) -> String { name.lowercased().filter { $0.isLetter || $0.isNumber } }

  static let fileNames = [
    "filename", "file", "filepath", "filepaths", "path", "paths", "image", "images", "imagename", "imagepath",
    "imagefile",
    "imageid", "imageids", "img", "imgname", "imgpath", "imgid", "imgfile", "fname", "name", "picture", "photo",
    "photoid", "id",
    "uuid", "index",
  ]
  static let labelNames: Set<String> = [
    "label", "labels", "class", "classes", "classname", "classid", "classlabel", "classlabels", "category",
    "categories",
    "categoryname", "categoryid", "target", "targets", "breed", "breeds", "species", "diagnosis", "dx", "variety",
    "level",
    "cultivar", "landmarkid", "predictionstring", "expression", "emotion", "labelname", "labelid", "labeltext",
    "synset", "wnid",
    "groundtruth", "gt", "disease",
  ]
  static let splitNames: Set<String> = [
    "split", "splits", "set", "subset", "part", "partition", "fold", "folds", "kfold", "dataset", "phase", "usage",
    "istrain",
    "istest", "istraining", "isval", "isvalid", "isvalidation", "isholdout", "traintest", "setname", "splitname",
  ]

  /// The part that rows with a 1 in such a column are in: `is_test`, `valid`; nil for a column of another name.
  static func flaggedPart(_ column: String) -> Part? {
    PartName.plain(column.hasPrefix("is") ? String(column.dropFirst(2)) : column).flatMap {
      $0 == .unlabelled ? nil : $0
    }
  }

  /// What a cell says that is a 1 or a 0.
  static let flags: Set<String> = ["", "0", "1", "0.0", "1.0", "true", "false", "yes", "no", "t", "f", "y", "n"]

  /// Whether all cells are names that columns have.
  static func areNames(_ cells: [String]) -> Bool {
    cells.map(plain).allSatisfy {
      fileNames.contains($0) || labelNames.contains($0) || splitNames.contains($0) || indexNames.contains($0)
    }
  }

  static let indexNames: Set<String> = ["", "unnamed0", "index"]

  /// The names of file columns that number the rows as often.
  static let looseFileNames: Set<String> = ["id", "index"]

  // MARK: The first row

  /// Whether the first of the rows names the columns; one that names a file does not, be the file there or not.
  static func hasHeader(_ rows: [(line: Int, cells: [String])], _ images: ImageIndex) -> Bool {
    guard let first = rows.first?.cells else { return false }
    if areNames(first) { return true }
    if first.contains(where: { images.mayName($0) || hasImageExtension($0) }) { return false }
    let hasKnownName = first.map(plain).contains {
      fileNames.contains($0) || labelNames.contains($0) || splitNames.contains($0)
    }
    return hasKnownName || !first.indices.contains { sharesEnding(rows, $0) }
  }

  /// Whether all cells of a column have the ending of its first one: `a00.dcm`.
  private static func sharesEnding(_ rows: [(line: Int, cells: [String])], _ column: Int) -> Bool {
    guard rows.count > 1, let wanted = ending(rows[0].cells[column]) else { return false }
    return rows.prefix(100).allSatisfy { $0.cells.indices.contains(column) && ending($0.cells[column]) == wanted }
  }

  /// What stands behind a cell's last dot in lower case; nil for numbers, and where it is no word.
  private static func ending(_ cell: String) -> String? {
    guard Double(cell) == nil, let dot = cell.lastIndex(of: "."), dot > cell.startIndex else { return nil }
    let ending = cell[cell.index(after: dot)...].lowercased()
    return !ending.isEmpty && ending.allSatisfy { $0.isLetter || $0.isNumber } ? ending : nil
  }
}
