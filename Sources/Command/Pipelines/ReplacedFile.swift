internal import Datasets
internal import Glibc

/// Where a file lies that every run replaces: where its name leads, so that a symbolic link stays one.
///
/// - Throws: `DataError` (`.cannotCreate`) for a stream, and for what is there and is no regular file: it would be gone.
func replacedFile(_ path: String) throws(DataError) -> String {
  let place = try resolvedOutput(path)
  var status = stat()
  let isThere = stat(place, &status) == 0
  guard openDescriptor(named: place) == nil, !isThere || status.st_mode & S_IFMT == S_IFREG else {
    throw DataError(
      .cannotCreate, at: [path], "is not a regular file, and every run would put a new file in its place",
      remedy: "name a file")
  }
  return place
}
