internal import Datasets

/// What the wire's control members say; JSON with sorted keys.
struct WireHeader: Codable, Equatable {
  static let format = "pipe-wire"
  static let version = "1.0"

  var format = Self.format
  var formatVersion = Self.version
  var info: DatasetInfo
}

/// `__pipe__/end`.
struct WireEnd: Codable, Equatable {
  var samples: Int
  /// Over every byte from the first sample's header to the last sample's padding.
  var sha256: String
  /// Takes the place of the header's, where something was only learned on the way.
  var info: DatasetInfo?
}

/// `__pipe__/error`.
struct WireError: Codable, Equatable {
  var exitCode: Int32
  var sentence: String
}

/// The two keys that decide whether the others can be understood.
struct FormatStamp: Codable {
  var format: String
  var formatVersion: String

  /// Refuses another format and another major version; a later minor version only adds keys.
  ///
  /// - Throws: `DataError` (`.badInput`).
  func check(format expected: String, version: String, at place: [String]) throws(DataError) {
    guard format == expected else {
      throw DataError(.badInput, at: place, "is of format \"\(format)\", where \"\(expected)\" was expected")
    }
    func major(_ text: String) -> Int? {
      text.split(separator: ".", omittingEmptySubsequences: false).first.flatMap { Int($0) }
    }
    guard let found = major(formatVersion), found == major(version) else {
      throw DataError(
        .badInput, at: place, "has format version \(formatVersion), and this program reads \(version)",
        remedy: "use the program's version that wrote it, or a newer one")
    }
  }
}
