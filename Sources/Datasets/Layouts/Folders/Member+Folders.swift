extension Member {
  /// The folders above it.
  ///
  /// An archive among several counts as a folder where it says something: where its name is that of a part, and where its files stand in
  /// no folder, as in ImageNet's archive of one archive per class. So do the folders that it is in then, where none is a part.
  var foldersAbove: [String] {
    let folders = path.split(separator: "/").dropLast().map(String.init)
    guard let last = archives.last else { return folders }
    let parts = archives.filter { PartName($0).part != nil }
    guard folders.isEmpty, PartName(last).part == nil else { return parts + folders }
    return parts + (foldersOfArchive.contains { PartName($0).part != nil } ? [] : foldersOfArchive) + [last]
  }

  /// Whether the archive that it is in stands for its class.
  var isInClassArchive: Bool {
    !path.contains("/") && foldersOfArchive.isEmpty && archives.last.map { PartName($0).part == nil } == true
  }

  /// Its path, from the archives that it is in where they count as folders.
  var fullPath: String {
    archives.isEmpty ? path : (foldersAbove + [basename]).joined(separator: "/")
  }
}
