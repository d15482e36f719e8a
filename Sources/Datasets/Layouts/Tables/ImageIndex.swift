/// The images of a dataset by their paths, as tables name them: whole, in part, with or without their endings.
struct ImageIndex {
  let paths: [String]
  private var byName: [String: [Int]] = [:]
  private var byStem: [String: [Int]] = [:]

  init(_ paths: [String]) {
    self.paths = paths
    for (index, path) in paths.enumerated() {
      let name = path.split(separator: "/").last.map(String.init) ?? path
      byName[name, default: []].append(index)
      byStem[Self.stem(name), default: []].append(index)
    }
  }

  /// The folders above an image.
  func folders(of image: Int) -> [String] { paths[image].split(separator: "/").dropLast().map(String.init) }

  /// The images that a cell may mean: one where all is well.
  ///
  /// The cell's path, or the image's, must end with the other. Among several an image below the table's own folder is meant, and one in
  /// the same part of the dataset. One alone is not meant where it is in another part than a table that stands in one, and where it is
  /// in the test part and the row in the train part: `test/5.png` is not the 5 of a table `train.csv`. A path with `..` starts from the
  /// table's folder, and means one image or none.
  ///
  /// - Parameters:
  ///   - folder: the folders above the table.
  ///   - part: the part that the row is about, where it says so.
  ///   - byStems: whether names without their endings count.
  func find(_ cell: String, from folder: [String], part: Part?, byStems: Bool = true) -> [Int] {
    let written = Self.components(cell)
    let isClimbing = written.contains("..")
    guard let components = isClimbing ? Self.resolved(written, from: folder) : written, let name = components.last
    else { return [] }
    let named = byName[name] ?? []
    let isWhole = !named.isEmpty
    let candidates = isWhole ? named : byStems ? byStem[name] ?? [] : []
    guard !candidates.isEmpty else { return [] }
    let above = Array(components.dropLast())
    if isClimbing { return candidates.filter { folders(of: $0) == above } }
    if let exact = candidates.first(where: { folders(of: $0) == folder + above }), candidates.count == 1 || isWhole {
      return [exact]
    }
    var fitting = candidates.filter { image in
      let folders = folders(of: image)
      return folders.suffix(above.count) == above[...] || above.suffix(folders.count) == folders[...]
    }
    let own = PartName.first(in: folder)
    fitting.removeAll { image in
      guard let other = PartName.first(in: folders(of: image)) else { return false }
      return own.map { $0 != other } ?? false || part == .train && (other == .val || other == .test)
    }
    func prefer(_ condition: (Int) -> Bool) {
      guard fitting.count > 1 else { return }
      let preferred = fitting.filter(condition)
      if !preferred.isEmpty { fitting = preferred }
    }
    prefer { folders(of: $0).starts(with: folder + above) }
    if let part { prefer { PartName.first(in: folders(of: $0)) == part } }
    prefer { folders(of: $0).starts(with: folder) }
    return fitting
  }

  /// The one image of the name in a cell, where the folders in the cell are others than the image's; nil where the cell has no folders,
  /// and where they, or else the table, are of another part than the image.
  func elsewhere(_ cell: String, from folder: [String], part: Part?, byStems: Bool) -> Int? {
    let components = Self.components(cell)
    guard components.count > 1, let name = components.last else { return nil }
    let named = byName[name] ?? (byStems ? byStem[name] : nil) ?? []
    guard named.count == 1, let image = named.first else { return nil }
    let wanted = PartName.first(in: Array(components.dropLast())) ?? part ?? PartName.first(in: folder)
    if let wanted, let own = PartName.first(in: folders(of: image)), wanted != own { return nil }
    return image
  }

  /// Whether a cell ends with the whole name of an image.
  func hasName(_ cell: String) -> Bool { Self.components(cell).last.map { byName[$0] != nil } ?? false }

  /// Whether a cell may be the name of an image.
  func mayName(_ cell: String) -> Bool {
    guard let name = Self.components(cell).last else { return false }
    return byName[name] != nil || byStem[name] != nil
  }

  /// The folders in a cell, and the name of the file.
  private static func components(_ cell: String) -> [String] {
    cell.replacing("\\", with: "/").split(separator: "/").filter { $0 != "." }.map(String.init)
  }

  /// A path with `..` from the dataset's root; nil where it leads out of it.
  private static func resolved(_ components: [String], from folder: [String]) -> [String]? {
    var path = folder
    for component in components {
      if component != ".." {
        path.append(component)
      } else if path.popLast() == nil {
        return nil
      }
    }
    return path
  }

  private static func stem(_ name: String) -> String {
    name.lastIndex(of: ".").map { String(name[..<$0]) } ?? name
  }
}
