/// Tells a layout from the names of an archive's first members.
struct Recognition {
  private(set) var layout: Layout?
  private(set) var seen: [String] = []
  private var imagesInFolders = 0
  private var otherImages = 0
  private var clips = 0

  /// Images or clips without a label member that are looked at before they are taken for one file per sample.
  private static let patience = 16

  /// Takes one more member into account; `firstBytes` reads from it where the name alone says too little.
  mutating func add(_ member: Member, firstBytes: () -> [UInt8]) {
    if seen.count < 4 { seen.append(member.path) }
    if let decisive = Layout.all.first(where: { $0.recognises(member, { firstBytes().first }) }) {
      layout = decisive
    } else if hasImageExtension(member.basename)
      || !Clip.extensions.contains(member.basename.lowercased().lastPart)
        && EncodedImage.Format(firstBytes: firstBytes()) != nil
    {
      if member.path.contains("/") { imagesInFolders += 1 } else { otherImages += 1 }
      if imagesInFolders >= Self.patience { layout = .imageFolder }
    } else if Clip.extensions.contains(Self.fieldName(member.basename).lastPart) {
      clips += 1
      if clips >= Self.patience { layout = .audioFolder }
    }
  }

  /// To be called when there are no more members to see.
  mutating func conclude() {
    if layout == nil, imagesInFolders > 0 { layout = .imageFolder }
    if layout == nil, clips > 0 { layout = .audioFolder }
  }

  /// Images without folders and without label members, which is no layout.
  var hasOnlyUnlabelledImages: Bool { layout == nil && otherImages > 0 }

  /// The part after the first dot, lower case.
  static func fieldName(_ basename: String) -> String {
    guard let dot = basename.firstIndex(of: ".") else { return "" }
    return basename[basename.index(after: dot)...].lowercased()
  }
}

extension String {
  /// The part after the last dot; all of it where there is none.
  var lastPart: String { split(separator: ".").last.map(String.init) ?? self }
}
