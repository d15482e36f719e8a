public import Datasets
internal import FoundationEssentials

/// The one way in which this program writes JSON documents: sorted keys, in snake case unless they are data.
public func encodeJSON(_ value: some Encodable, indented: Bool = false, keysAreData: Bool = false) -> [UInt8] {
  let encoder = JSONEncoder()
  if !keysAreData { encoder.keyEncodingStrategy = .convertToSnakeCase }
  encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
  if indented { encoder.outputFormatting.insert(.prettyPrinted) }
  do {
    return Array(try encoder.encode(value))
  } catch {
    // Only a number that is not finite cannot be encoded; those are checked where they enter.
    preconditionFailure("a document cannot be written as JSON: \(error)")
  }
}

/// The first key that an object has twice, which decoders pass over; nil where there is none, or no object.
///
/// Only the outermost object is looked at.
func repeatedKey(in document: [UInt8]) -> String? {
  var seen: Set<String> = []
  var depth = 0
  var position = 0
  while position < document.count {
    let byte = document[position]
    position += 1
    switch byte {
    case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
    case UInt8(ascii: "}"), UInt8(ascii: "]"): depth -= 1
    case UInt8(ascii: "\""):
      let start = position
      while position < document.count, document[position] != UInt8(ascii: "\"") {
        position += document[position] == UInt8(ascii: "\\") ? 2 : 1
      }
      position += 1
      let text = document[(start - 1)..<min(position, document.count)]
      // A text before a colon is a key.
      let next = document[min(position, document.count)...].first { ![9, 10, 13, 32].contains($0) }
      guard depth == 1, next == UInt8(ascii: ":") else { continue }
      // It may be spelled with escapes.
      let key = (try? JSONDecoder().decode(String.self, from: Data(text))) ?? String(decoding: text, as: UTF8.self)
      if !seen.insert(key).inserted { return key }
    default: break
    }
  }
  return nil
}

/// Reads such a document; unknown keys are ignored.
///
/// - Throws: `DataError` (`.badInput`), with the path of the offending key.
public func decodeJSON<T: Decodable>(_ type: T.Type, from bytes: [UInt8], at place: [String]) throws(DataError) -> T {
  let decoder = JSONDecoder()
  decoder.keyDecodingStrategy = .convertFromSnakeCase
  do {
    return try decoder.decode(type, from: Data(bytes))
  } catch DecodingError.keyNotFound(let key, let context) {
    let path = (context.codingPath + [key]).map(\.stringValue).joined(separator: ".")
    throw DataError(.badInput, at: place, "has no key \(path)")
  } catch DecodingError.typeMismatch(_, let context), DecodingError.valueNotFound(_, let context),
    DecodingError.dataCorrupted(let context)
  {
    let path = context.codingPath.map(\.stringValue).joined(separator: ".")
    throw DataError(
      .badInput, at: place, path.isEmpty ? "is not a JSON document" : "has an unexpected value at \(path)")
  } catch {
    throw DataError(.badInput, at: place, "cannot be read: \(error)")
  }
}
