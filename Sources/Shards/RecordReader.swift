internal import Datasets

/// Groups the members of an archive into records; members named `__pipe__/…` are handed out on their own.
final class RecordReader {
  enum Item: Equatable {
    case record(Record)
    /// The name behind `__pipe__/`, and the payload.
    case control(String, [UInt8])
    case endOfArchive
  }

  static let controlPrefix = "__pipe__/"

  /// The hash of every byte from the first record's header up to the control member that followed the last record.
  private(set) var recordDigest: String?
  private let blocks: BlockReader
  private let limits: Limits
  private let exact: Bool
  private var hashing = false
  private var ended = false
  private var held: TarHeader?

  /// `exact` asks for headers that are byte for byte what this program writes.
  init(_ blocks: BlockReader, limits: Limits, exact: Bool = false) {
    self.blocks = blocks
    self.limits = limits
    self.exact = exact
  }

  func next() throws(DataError) -> Item {
    if ended { return .endOfArchive }
    guard let first = try peekMember("the next sample") else {
      try blocks.readEndOfArchive()
      ended = true
      return .endOfArchive
    }
    if first.name.hasPrefix(Self.controlPrefix) {
      if hashing {
        recordDigest = blocks.finishHash()
        hashing = false
      }
      return .control(String(first.name.dropFirst(Self.controlPrefix.count)), try takePayload(first))
    }
    if recordDigest == nil && !hashing {
      blocks.startHash()
      hashing = true
    }
    let key = try split(first.name).key
    var record = Record(key: String(key), fields: [])
    var member = first
    while true {
      let field = try split(member.name).field
      guard !record.fields.contains(where: { $0.name == field }) else {
        throw DataError(.badInput, at: [blocks.name, member.name], "occurs twice")
      }
      record.fields.append(Field(name: String(field), bytes: try takePayload(member)))
      guard let following = try peekMember("the next member"), !following.name.hasPrefix(Self.controlPrefix),
        try split(following.name).key == record.key
      else { return .record(record) }
      member = following
    }
  }

  private func split(_ name: String) throws(DataError) -> (key: Substring, field: Substring) {
    guard let parts = MemberName.split(name) else {
      throw DataError(
        .badInput, at: [blocks.name, name],
        "is not named KEY.FIELD, with a key of letters, digits, '_' and '-' and a field in lower case")
    }
    return parts
  }

  /// The header of the next member, without consuming it; nil at the blocks of zeros.
  private func peekMember(_ what: String) throws(DataError) -> TarHeader? {
    if let held { return held }
    let block = try blocks.peekBlock(what)
    if block[0] == 0 && block.allSatisfy({ $0 == 0 }) { return nil }
    switch TarHeader.parse(block, exact: exact) {
    case .success(let header):
      guard header.size <= limits.maxMemberBytes else {
        throw DataError(
          .badInput, at: [blocks.name, header.name],
          "claims \(header.size) bytes, and a member may have \(limits.maxMemberBytes)")
      }
      held = header
      return header
    case .failure(let complaint):
      throw DataError(.badInput, at: [blocks.name], "the header at byte \(blocks.offset) \(complaint.text)")
    }
  }

  private func takePayload(_ member: TarHeader) throws(DataError) -> [UInt8] {
    blocks.skipBlock()
    held = nil
    return try blocks.readPayload(member.size, of: member.name)
  }
}
