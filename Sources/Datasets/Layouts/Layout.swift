/// How an archive or a folder says which sample has which label: how it is recognised, and how it is read.
public struct Layout: Sendable {
  /// What is typed after `--layout`.
  public let name: String
  /// Whether a member of an archive, by its name, can be in this layout alone; `firstBytes` reads the beginning of the member where
  /// the name says too little.
  let recognises: @Sendable (_ member: Member, _ firstBytes: (Int) -> [UInt8]) -> Bool
  /// Opens data in this layout.
  let open: @Sendable (LayoutRequest) throws(DataError) -> OpenedLayout

  init(
    _ name: String, recognises: @escaping @Sendable (_ member: Member, _ firstBytes: (Int) -> [UInt8]) -> Bool,
    open: @escaping @Sendable (LayoutRequest) throws(DataError) -> OpenedLayout
  ) {
    self.name = name
    self.recognises = recognises
    self.open = open
  }

  /// All layouts, in the order in which they are tried.
  public static let all: [Layout] = [
    .cifar10Binary, .cifar100Binary, .cifarPickle, .stl10Binary, .svhn, .idx, .imageFolder, .imageTable, .audioFolder,
    .webDataset, .npz, .pixelCSV,
  ]

  /// The layout of that name.
  public init?(named name: String) {
    guard let layout = Self.all.first(where: { $0.name == name }) else { return nil }
    self = layout
  }

  /// All names, for messages: `cifar10-binary, …, npz`.
  static var allNames: String { all.map(\.name).joined(separator: ", ") }
}

extension Layout: Equatable, CustomStringConvertible {
  /// See `Equatable`.
  public static func == (one: Layout, other: Layout) -> Bool { one.name == other.name }

  /// Its name.
  public var description: String { name }
}
