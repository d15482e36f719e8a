/// What a folder holds beside the dataset that was recognised in it, as the `data` folder of many programs does.
///
/// Only names are looked at, and of each folder the first ones, so that a million images take no time.
struct OtherDatasets {
  /// A file of another dataset whose layout its name tells, and that layout.
  private var named: (path: String, layout: Layout)?
  /// How many images in folders were looked at, and the first.
  private var images: (count: Int, first: String)?
  private let layout: Layout
  private let name: String

  /// Layouts that the names of their files tell.
  private static let telling: [Layout] = [.cifar10Binary, .cifar100Binary, .cifarPickle, .stl10Binary, .svhn, .idx]
  /// The files of a folder that are looked at.
  private static let looks = 8
  /// With fewer images than that they are taken for pictures of the dataset itself, as in `Recognition`.
  private static let fewImages = 16

  /// Looks at the files of a folder beside a dataset in this layout; nothing is there for an archive.
  init(in container: Container, beside layout: Layout) {
    (self.layout, name) = (layout, container.name)
    var folder: Substring = "/"
    var left = 0
    for member in container.folderMembers ?? [] {
      let path = member.path
      let above = path[..<(path.lastIndex(of: "/") ?? path.startIndex)]
      if above != folder { (folder, left) = (above, Self.looks) }
      guard left > 0 else { continue }
      left -= 1
      if named == nil, let other = Self.telling.first(where: { $0.recognises(member, { _ in [] }) }), other != layout {
        named = (path, other)
      } else if !above.isEmpty, hasImageExtension(path) {
        images = ((images?.count ?? 0) + 1, images?.first ?? path)
      }
    }
  }

  /// Refuses two datasets where nothing tells which of them was meant.
  ///
  /// - Throws: `DataError` (`.badInput`).
  func refuse() throws(DataError) {
    guard let named, Self.telling.contains(layout) else { return }
    throw DataError(
      .badInput, at: [name],
      "it holds two datasets: one in the layout \(layout), and \(named.path) in the layout \(named.layout)",
      remedy: "give the folder of one of them as the input, or choose with --layout")
  }

  /// What the log shall say where one of the two is what was meant, as far as one can tell.
  var doubts: [String] {
    if let named, !Self.telling.contains(layout) {
      return [
        "\(named.path) is of another dataset (layout \(named.layout)), which was not read; its folder as the input reads it"
      ]
    }
    if let images, images.count >= Self.fewImages, Self.telling.contains(layout) {
      return [
        "there are images in folders, too, such as \(images.first), which were not read; their folder as the input reads them"
      ]
    }
    return []
  }
}
