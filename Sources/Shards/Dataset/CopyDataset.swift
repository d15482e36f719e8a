public import Datasets
internal import Glibc

/// Copies a dataset into a new or empty folder: shards, checksums, the files of `beside` that are there, the manifest.
///
/// They get their names when all are complete and durable, the manifest last. What a killed copy left, the next one removes.
/// Nothing is compared; `verifyDataset` does.
///
/// - Throws: `DataError`: `.noInput` or `.badInput` for a manifest that cannot be read, `.cannotCreate`, `.io`.
public func copyDataset(at source: String, to folder: String, beside: [String] = []) throws(DataError) {
  let manifest = try Manifest(inFolder: source)
  let there = try listFolder(source, .io)
  let names = manifest.shards.map(\.name) + [Manifest.sumsName] + beside.filter(there.contains) + [Manifest.fileName]
  let directory = try OutputDirectory(folder)
  for name in names {
    let input = try FileInput("\(source)/\(name)")
    let (descriptor, temporary) = try directory.create(name)
    defer { close(descriptor) }
    let output = FileOutput(descriptor, name: temporary)
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 64)
    defer { buffer.deallocate() }
    while true {
      let count = try input.read(into: buffer)
      if count == 0 { break }
      try output.append(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
    }
    try output.flush()
    guard fsync(descriptor) == 0 else { throw systemError(.io, at: [temporary], "cannot be made durable") }
  }
  try directory.publish()
}
