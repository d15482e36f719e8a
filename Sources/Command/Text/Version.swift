internal import CCommit

/// Name and version of the tool, as they stand in provenance.
///
/// Without the commit: the same samples, options and version give the same bytes, however the program was built.
public let toolVersion = "pipe 1.0.0"

/// The day of that version, for the manual.
let toolDate = "2026-11-25"

/// What a program was built from.
public struct BuiltFrom: Sendable, Equatable {
  /// The commit's hash; nil where the build was not told.
  public var commit: String?
  /// Whether files differed from it; false without a commit.
  public var isDirty: Bool

  /// Reads what `Scripts/commit` prints.
  init(_ text: String) {
    let mark = "-dirty"
    isDirty = text.hasSuffix(mark)
    let hash = isDirty ? String(text.dropLast(mark.count)) : text
    commit = hash.isEmpty ? nil : hash
  }

  /// This program's.
  public static let this = BuiltFrom(String(cString: ccommit_name()))

  /// `commit 0123456789ab`, and whether it is all.
  public var text: String {
    guard let commit else { return "commit not recorded" }
    return "commit \(commit.prefix(12))" + (isDirty ? " with uncommitted changes" : "")
  }
}
