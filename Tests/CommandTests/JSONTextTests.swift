import Foundation
import Testing

@testable import Command

@Suite("JSON text") struct JSONTextTests {
  @Test func `another reader finds the same values`() throws {
    let hard = "quote \" backslash \\ line\nbreak tab\t bell\u{07} umlaut ü emoji 🦊"
    let value = JSONText.object([
      ("text", .string(hard)), ("whole", .integer(-7)), ("tenth", .number(0.1)),
      ("tiny", .number(.leastNonzeroMagnitude)),
      ("nothing", .null), ("no", .number(.nan)), ("yes", .bool(true)), ("list", .array([.integer(1), .array([])])),
    ])
    for indented in [false, true] {
      let parsed = try JSONSerialization.jsonObject(with: Data(value.rendered(indented: indented).utf8))
      let object = try #require(parsed as? [String: Any])
      #expect(object["text"] as? String == hard)
      #expect(object["whole"] as? Int == -7)
      #expect(object["tenth"] as? Double == 0.1)
      #expect(object["tiny"] as? Double == .leastNonzeroMagnitude)
      #expect(object["nothing"] is NSNull && object["no"] is NSNull)
      #expect(object["yes"] as? Bool == true)
      #expect((object["list"] as? [Any])?.count == 2)
    }
  }

  @Test func `keys keep their order`() {
    let value = JSONText.object([("z", .integer(1)), ("a", .integer(2))])
    #expect(value.rendered() == #"{"z":1,"a":2}"#)
    #expect(value.rendered(indented: true) == "{\n  \"z\": 1,\n  \"a\": 2\n}")
  }
}
