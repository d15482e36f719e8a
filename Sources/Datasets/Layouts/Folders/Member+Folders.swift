extension Member {
  /// The folders above it.
  ///
  /// An archive among several counts as a folder where it says something: where it is a part by its name, and where its files stand in
  /// no folder, as in ImageNet's archive of one archive per class.
  var foldersAbove: [String] {
    let folders = path.split(separator: "/").dropLast().map(String.init)
    guard let archive, folders.isEmpty || PartName.plain(archive) != nil else { return folders }
    return [archive] + folders
  }

  /// Its path, from the archive that it is in where that counts as a folder.
  var fullPath: String {
    archive == nil ? path : (foldersAbove + [basename]).joined(separator: "/")
  }
}
