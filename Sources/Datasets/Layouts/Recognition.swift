/// Tells a layout from the names of an archive's first members.
struct Recognition {
  private(set) var layout: Layout?
  /// What it was recognised by, as a clause.
  private(set) var reason = ""
  private(set) var seen: [String] = []
  private var imagesInFolders = 0
  /// The folder of the first of these, and whether another one stands in another.
  private var imageFolder: [String]?
  private var areInSeveralFolders = false
  /// An npz that may be the dataset, or something beside images in class folders.
  private var npz: String?
  private var otherImages = 0
  private var clips = 0
  private var tables = 0
  /// A file of another kind that the data may be in.
  private(set) var known: (path: String, kind: KnownFile)?
  /// The hidden files that were skipped.
  var hidden = Litter()
  /// Whether a pattern tells labels from names, so that images need no folders.
  let readsNames: Bool

  init(readsNames: Bool = false) { self.readsNames = readsNames }

  /// Images or clips without a label member that are looked at before they are taken for one file per sample.
  private static let patience = 16

  // Image and label of one sample of a WebDataset stand beside each other, whatever they are called.
  private var lastSample: (key: String, isImage: Bool, isLabel: Bool) = ("", false, false)
  private var arrays = 0

  /// Takes one more member into account; `start` gives so many of its first bytes, where the name alone says too little.
  mutating func add(_ member: Member, _ start: (Int) -> [UInt8]) {
    func isImage() -> Bool { isImageFile(named: "", firstBytes: start(EncodedImage.Format.signatureLength)) }
    if seen.count < 4 { seen.append(member.path) }
    if member.basename.lowercased().hasSuffix(".npy") { arrays += 1 }
    if member.basename.lowercased().hasSuffix(".npz"), !NPZ.startsAsDataset(start(NPZ.firstNameLength)) {
      npz = npz ?? member.path
    } else if let decisive = Layout.all.first(where: { $0.recognises(member, start) }) {
      (layout, reason) = (decisive, "it holds a file called \(member.path)")
    } else if isPair(member, start) {
      (layout, reason) = (.webDataset, "an image and its label stand beside each other, such as \(member.path)")
    } else if hasImageExtension(member.basename) || isImage() {
      if imagesInFolders == 0, otherImages == 0 { reason = "it holds images, such as \(member.fullPath)" }
      if member.path.contains("/") || !member.archives.isEmpty { addInFolder(member) } else { otherImages += 1 }
      if imagesInFolders >= Self.patience, npz == nil || areInSeveralFolders { layout = .imageFolder }
    } else if LabelTable.isTable(member.basename) {
      tables += 1
      // One that holds whole images in its cells needs no others.
      if known == nil, seen.count <= 4, let kind = KnownFile(start(512)), kind.holdsPixels {
        known = (member.path, kind)
      }
    } else if Clip.extensions.contains(Self.fieldName(member.basename).lastPart) {
      if clips == 0 { reason = "it holds sound files, such as \(member.fullPath)" }
      clips += 1
      if clips >= Self.patience { layout = .audioFolder }
    } else if known == nil, seen.count <= 4, let kind = KnownFile(start(512)) {
      known = (member.path, kind)
    }
  }

  private mutating func addInFolder(_ member: Member) {
    imagesInFolders += 1
    guard !areInSeveralFolders else { return }
    let folder = member.foldersAbove
    if let imageFolder { areInSeveralFolders = folder != imageFolder } else { imageFolder = folder }
  }

  /// Whether a member is the label of the image before it, or the image of the label.
  private mutating func isPair(_ member: Member, _ firstBytes: (Int) -> [UInt8]) -> Bool {
    guard let (key, field) = WebDatasetNames.partsAtFirstDot(member.path) else { return false }
    if lastSample.key != key { lastSample = (key, false, false) }
    if imageFields.contains(field.lastPart) || field == "npy" { lastSample.isImage = true }
    if WebDatasetNames.isLabel(field) { lastSample.isLabel = true }
    if field == "txt", lastSample.isImage { text = text ?? member.path }
    if field == "json", let value = JSONValue(firstBytes(Self.longestDocument)),
      WebDatasetNames.labelKey(in: value) != nil
    {
      lastSample.isLabel = true
    }
    return lastSample.isImage && lastSample.isLabel
  }

  private static let longestDocument = 64 << 10

  /// A text beside an image, which may be its label or a sentence about it.
  private(set) var text: String?

  /// To be called when there are no more members to see.
  mutating func conclude() {
    // Of one folder they are pictures beside the arrays, as a rule.
    if layout == nil, let npz, !areInSeveralFolders { (layout, reason) = (.npz, "it holds a file called \(npz)") }
    if layout == nil, imagesInFolders > 0 || otherImages > 0 && (tables > 0 || readsNames) { layout = .imageFolder }
    if layout == nil, clips > 0 { layout = .audioFolder }
    if layout == nil, arrays > 0 { (layout, reason) = (.npz, "it holds arrays") }
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
