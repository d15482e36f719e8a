/// A kind of file that people give in place of the data, known by its first bytes, and how to get the data from it.
struct KnownFile {
  /// What it is, with an article: `a Git LFS pointer`.
  let what: String
  /// What to do, as a sentence without capital and full stop.
  let remedy: String
  /// Why it may be there, as a clause after a comma; empty where its name says all.
  let reason: String
  /// Whether it stands for a file that is elsewhere.
  let isPointer: Bool

  /// The kind of a file that begins with these bytes, at best 512 of them; nil for one that is none of them.
  init?(_ start: [UInt8]) {
    let text = String(
      decoding: start.prefix(256).drop { $0 <= 0x20 || $0 == 0xef || $0 == 0xbb || $0 == 0xbf }, as: UTF8.self)
    let lower = text.lowercased()
    func begins(_ bytes: [UInt8], at offset: Int = 0) -> Bool { start.dropFirst(offset).starts(with: bytes) }
    func begins(_ text: String, at offset: Int = 0) -> Bool { begins(Array(text.utf8), at: offset) }

    var (isPointer, reason) = (false, "")
    if begins("version https://git-lfs") {
      (what, remedy) = ("a pointer of Git LFS", "get the files themselves with git lfs pull")
      isPointer = true
    } else if begins("/annex/objects/") || text.hasPrefix("../.git/annex/") {
      (what, remedy) = ("a pointer of git-annex", "get the files themselves with git annex get .")
      isPointer = true
    } else if lower.hasPrefix("<!doctype html") || lower.hasPrefix("<html") || lower.hasPrefix("<head") {
      (what, remedy) = ("a web page", "open it in a browser to see what it asks for, and download the file again")
      reason = ", as a server sends it where there is no such file"
    } else if lower.hasPrefix("<?xml") || lower.hasPrefix("<error") {
      (what, remedy) = ("an XML document, as servers send with an error", "read it, and download the file again")
    } else if begins([0x37, 0x7a, 0xbc, 0xaf, 0x27, 0x1c]) {
      (what, remedy) = ("a 7z archive", "unpack it with 7z x FILE -oFOLDER, and give the folder")
    } else if begins("Rar!") {
      (what, remedy) = ("a RAR archive", "unpack it with unar FILE, and give the folder")
    } else if begins([0x89, 0x48, 0x44, 0x46, 0x0d, 0x0a, 0x1a, 0x0a]) {
      (what, remedy) = (
        "an HDF5 file",
        "write its arrays as npz: python3 -c \"import h5py, numpy; numpy.savez('data.npz', **{k: v[()] for k, v in "
          + "h5py.File('FILE').items()})\""
      )
    } else if begins("PAR1") {
      (what, remedy) = ("a Parquet file", "stream it with examples/from_huggingface.py FILE | pipe decode")
    } else if begins("ARROW1") || begins([0xff, 0xff, 0xff, 0xff]) {
      (what, remedy) = ("an Arrow file", "stream the dataset with examples/from_huggingface.py")
    } else if begins([0x80, 0x02, 0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20]) {
      (what, remedy) = Self.torch
    } else if begins([0x80]), (2...5).contains(start.dropFirst().first ?? 0) {
      (what, remedy) = (
        "a Python pickle, which is a program as much as data",
        "load it where you trust it, and save its arrays with numpy.savez"
      )
    } else if begins("SQLite format 3") {
      (what, remedy) = ("an SQLite database", "write its images into one folder per class")
    } else if begins("%PDF") {
      (what, remedy) = ("a PDF document", "look whether this is the right file")
    } else if begins("ftyp", at: 4) && !begins("avif", at: 8) && !begins("heic", at: 8) && !begins("mif1", at: 8) {
      (what, remedy) = ("a video", "write its frames with ffmpeg -i FILE FOLDER/CLASS/%06d.jpg")
    } else if let columns = Self.columns(start) {
      (what, remedy) = (
        "a table with the columns \(columns), and no images",
        "give the folder or archive that holds both the table and the images that it names; "
          + "a table of pixels has one column called label and a square number of others"
      )
    } else {
      return nil
    }
    (self.isPointer, self.reason) = (isPointer, reason)
  }

  private static let torch = (
    "a file of torch.save",
    "write its images as a stream or as npz: python3 -c \"import torch, numpy; numpy.savez('data.npz', images=..., labels=...)\""
  )

  /// The first columns of a table in text, whose first two lines have as many cells; nil for any other file.
  private static func columns(_ start: [UInt8]) -> String? {
    guard start.allSatisfy({ $0 >= 0x20 || (9...13).contains($0) }) else { return nil }
    let text = String(decoding: start.drop { $0 == 0xef || $0 == 0xbb || $0 == 0xbf }, as: UTF8.self)
    let lines = text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).prefix(2)
    guard lines.count == 2, let separator = (["\t", ";", ","] as [Character]).first(where: lines[0].contains) else {
      return nil
    }
    let rows = lines.map { $0.split(separator: separator, omittingEmptySubsequences: false).map { $0.prefix(32) } }
    guard rows[0].count == rows[1].count else { return nil }
    return rows[0].prefix(4).joined(separator: ", ") + (rows[0].count > 4 ? " …" : "")
  }

  /// The kind of an archive that holds these members; nil for any other.
  init?(members: [String]) {
    guard members.contains(where: { $0.hasSuffix("/data.pkl") || $0 == "data.pkl" }) else { return nil }
    (what, remedy) = Self.torch
    (isPointer, reason) = (false, "")
  }
}
