internal import Datasets

/// Groups the members of an archive into records; members named `__pipe__/…` are handed out on their own.
final class RecordReader {
  enum Item: Equatable {
    case record(Record)
    /// The name after `__pipe__/`, and the payload.
    case control(String, [UInt8])
    case endOfArchive
  }

  /// The header that was looked at last.
  private enum Member {
    case field(key: String, field: String, TarHeader)
    case control(String, TarHeader)
  }

  static let controlPrefix = "__pipe__/"

  /// The hash of every byte from the first record's header up to the control member that followed the last record.
  private(set) var recordDigest: String?
  private let blocks: BlockReader
  private let limits: Limits
  private let exact: Bool
  private var hashing = false
  private var ended = false
  private var held: Member?
  /// Fields of the record before: most likely as many as of the next.
  private var fieldCount = 4

  /// `exact` asks for headers that are byte for byte what this program writes.
  init(_ blocks: BlockReader, limits: Limits, exact: Bool = false) {
    self.blocks = blocks
    self.limits = limits
    self.exact = exact
  }

  func next() throws(DataError) -> Item {
    if ended { return .endOfArchive }
    switch try peekMember("the next sample") {
    case nil:
      try blocks.readEndOfArchive()
      ended = true
      return .endOfArchive
    case .control(let name, let header)?:
      if hashing {
        recordDigest = blocks.finishHash()
        hashing = false
      }
      return .control(name, try takePayload(header))
    case .field(let key, let field, let header)?:
      if recordDigest == nil && !hashing {
        blocks.startHash()
        hashing = true
      }
      return .record(try record(key, field, header))
    }
  }

  /// The record whose first member was looked at.
  private func record(_ key: String, _ firstField: String, _ firstHeader: TarHeader) throws(DataError) -> Record {
    var record = Record(key: key, fields: [])
    record.fields.reserveCapacity(fieldCount)
    var field = firstField
    var header = firstHeader
    while true {
      guard !record.fields.contains(where: { $0.name == field }) else {
        throw DataError(.badInput, at: [blocks.name, header.name], "occurs twice")
      }
      record.fields.append(Field(name: field, bytes: try takePayload(header)))
      guard case .field(key, let nextField, let nextHeader)? = try peekMember("the next member") else {
        fieldCount = record.fields.count
        return record
      }
      field = nextField
      header = nextHeader
    }
  }

  /// The header of the next member, without consuming it; nil at the blocks of zeros.
  private func peekMember(_ what: String) throws(DataError) -> Member? {
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
      let member = try member(header)
      held = member
      return member
    case .failure(let complaint):
      throw DataError(.badInput, at: [blocks.name], "the header at byte \(blocks.offset) \(complaint.text)")
    }
  }

  private func member(_ header: TarHeader) throws(DataError) -> Member {
    if let (key, field) = MemberName.split(header.name) { return .field(key: key, field: field, header) }
    guard header.name.hasPrefix(Self.controlPrefix) else {
      throw DataError(
        .badInput, at: [blocks.name, header.name],
        "is not named KEY.FIELD, with a key of letters, digits, '_' and '-' and a field in lower case")
    }
    return .control(String(header.name.dropFirst(Self.controlPrefix.count)), header)
  }

  private func takePayload(_ member: TarHeader) throws(DataError) -> [UInt8] {
    blocks.skipBlock()
    held = nil
    return try blocks.readPayload(member.size, of: member.name)
  }
}
