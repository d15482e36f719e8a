internal import Datasets
internal import Glibc
internal import Shards

/// The files that `pipe run` puts beside a dataset's own.
let pipelineRecords = [RecipeFile.name, CheckFile.name, SentFile.name, EvaluationFile.name]

/// The content of a record.
func recordBytes(_ record: some Encodable) -> [UInt8] {
  encodeJSON(record, indented: true, keysAreData: true) + [UInt8(ascii: "\n")]
}

/// Puts a record into the folder of a dataset, in place of an older one.
///
/// It is written beside the folder first: what a killed run leaves in it would be a stranger there.
///
/// - Throws: `DataError` (`.cannotCreate`, `.io`).
func putRecord(_ record: some Encodable, named name: String, inFolder folder: String) throws(DataError) {
  let last = String(folder.split(separator: "/").last ?? "").prefix(200)
  let beside = "\(parentFolder(of: folder))/.\(last).\(name)"
  let file = try NewFile(beside)
  defer { file.discard() }
  try file.write(recordBytes(record))
  try file.publish(replacing: true)
  let place = "\(folder)/\(name)"
  // Another run that writes the same may have been faster.
  guard rename(beside, place) == 0 || errno == ENOENT && access(place, F_OK) == 0 else {
    let problem = String(cString: strerror(errno))
    unlink(beside)
    throw DataError(.io, at: [place], "cannot be written: \(problem)")
  }
  try syncFolder(folder)
}
