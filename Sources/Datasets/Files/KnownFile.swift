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
  /// Whether it is a table with all pixels of an image in one cell.
  var holdsPixels = false

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
        "write its arrays as npz: python3 -c \"import h5py, numpy; d = {}; h5py.File('FILE').visititems(lambda k, v: "
          + "d.update({k.replace('/', '_'): v[()]}) if isinstance(v, h5py.Dataset) else None); numpy.savez('data.npz', **d)\""
      )
    } else if begins("PAR1") {
      (what, remedy) = ("a Parquet file", "stream it with examples/from_huggingface.py FILE | pipe decode")
    } else if begins("ARROW1") || begins([0xff, 0xff, 0xff, 0xff]) {
      (what, remedy) = ("an Arrow file", "stream the dataset with examples/from_huggingface.py")
    } else if Self.isSafetensors(start) {
      (what, remedy) = ("a safetensors file", Self.forTrainers + ", or save its arrays with numpy.savez")
    } else if Self.isTFRecord(start) {
      (what, remedy) = ("a TFRecord file", Self.forTrainers)
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
    } else if let rows = Self.firstRows(start), let column = Self.pixelColumn(rows) {
      what =
        "a table whose column \(rows[0][column]) holds all pixels of an image, with spaces between, which is not read"
      remedy = Self.conversion(rows[0], pixels: column)
      holdsPixels = true
    } else if let rows = Self.firstRows(start) {
      let columns = rows[0].map { $0.prefix(32) }
      (what, remedy) = (
        "a table with the columns \(columns.prefix(4).joined(separator: ", "))\(columns.count > 4 ? " …" : ""), and no images",
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

  /// What to do with files that `pipe export` and others write, and that nothing here reads.
  private static let forTrainers = "such files are made for trainers: give the dataset that they were made from"

  /// Whether it begins with the size of a header, and the header's JSON.
  private static func isSafetensors(_ start: [UInt8]) -> Bool {
    guard start.count > 9, start[8] == UInt8(ascii: "{"), start[9] == UInt8(ascii: "\"") else { return false }
    return (2...100_000_000).contains(littleEndian(start[..<8]))
  }

  /// Whether it begins with the size of a record, and that size's checksum.
  private static func isTFRecord(_ start: [UInt8]) -> Bool {
    guard start.count > 12, littleEndian(start[..<8]) > 0 else { return false }
    let sum = checksum(start[..<8])
    let masked = (sum >> 15 | sum << 17) &+ 0xa282_ead8
    return UInt64(masked) == littleEndian(start[8..<12])
  }

  private static func littleEndian(_ bytes: ArraySlice<UInt8>) -> UInt64 {
    bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }

  /// CRC-32C.
  private static func checksum(_ bytes: ArraySlice<UInt8>) -> UInt32 {
    var sum = UInt32.max
    for byte in bytes {
      sum ^= UInt32(byte)
      for _ in 0..<8 { sum = sum & 1 == 1 ? sum >> 1 ^ 0x82f6_3b78 : sum >> 1 }
    }
    return ~sum
  }

  /// The first two rows of a table in text, which have as many cells, or fewer where the second is cut off; nil for any other file.
  private static func firstRows(_ start: [UInt8]) -> [[String]]? {
    guard start.allSatisfy({ $0 >= 0x20 || (9...13).contains($0) }) else { return nil }
    let text = String(decoding: start.drop { $0 == 0xef || $0 == 0xbb || $0 == 0xbf }, as: UTF8.self)
    let lines = text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
    guard lines.count >= 2, let separator = (["\t", ";", ","] as [Character]).first(where: lines[0].contains) else {
      return nil
    }
    let rows = lines.prefix(2).map { $0.split(separator: separator, omittingEmptySubsequences: false).map(String.init) }
    let isCut = lines.count == 2 && start.count >= 512 && (2..<rows[0].count).contains(rows[1].count)
    return isCut || rows[0].count == rows[1].count ? rows : nil
  }

  /// The column with a named cell full of numbers, as FER-2013 has one; nil where there is none.
  private static func pixelColumn(_ rows: [[String]]) -> Int? {
    rows[1].indices.first { column in
      let numbers = rows[1][column].drop { $0 == "\"" }.split { $0 == " " || $0 == "\"" }
      return numbers.count >= 16 && numbers.allSatisfy { Double($0) != nil } && Double(rows[0][column]) == nil
    }
  }

  /// How such a table becomes an npz, one part at a time.
  private static func conversion(_ names: [String], pixels: Int) -> String {
    let names = names.map { name in name.filter { !"\"'\\".contains($0) } }
    let label = names.first { LabelTable.labelNames.contains(LabelTable.plain($0)) } ?? "LABEL"
    let part = names.first { LabelTable.splitNames.contains(LabelTable.plain($0)) }
    return "write it as npz: python3 -c \"import csv, numpy; rows = [r for r in csv.DictReader(open('FILE'))"
      + (part.map { " if r['\($0)'] == 'Training'" } ?? "")
      + "]; numpy.savez('data.npz', images=numpy.array([r['\(names[pixels])'].split() for r in rows], 'uint8'), "
      + "labels=numpy.array([r['\(label)'] for r in rows], int))\""
  }

  /// The kind of an archive that holds these members; nil for any other.
  init?(members: [String]) {
    if members.contains(where: { $0.hasSuffix("/data.pkl") || $0 == "data.pkl" }) {
      (what, remedy) = Self.torch
    } else if members.contains(where: { $0.hasSuffix(".mds") || $0.hasSuffix(".mds.zstd") }) {
      (what, remedy) = ("MDS files of mosaicml-streaming", Self.forTrainers)
    } else {
      return nil
    }
    (isPointer, reason) = (false, "")
  }
}
