import Foundation
import Testing

/// Descriptions whose numbers no dataset has: they are refused in a sentence before anything is added up.
@Suite struct HostileDescriptionTests {
  static let changes = [
    ("count_per_class", "[2**62] * 10", "counts 4611686018427387904 samples of class"),
    ("count_per_class", "[-1] * 10", "counts -1 samples of class"),
    ("count_per_class", "[5]", "counts samples of 1 class, and names 10"),
    (
      "formation", "{'factor': 2**33, 'upsample': 'bilinear', 'padding': 0.5}",
      "a formation of 8589934592 tiles per side"
    ),
    ("formation", "{'factor': 0, 'upsample': 'bilinear', 'padding': 0.5}", "a formation of 0 tiles per side"),
    (
      "formation", "{'kind': 'multi', 'parts': 2**33, 'upsample': 'bilinear', 'padding': 0.5}",
      "a formation of scales of 1 to 8589934592 tiles per side"
    ),
    (
      "formation", "{'kind': 'time', 'parts': 0, 'upsample': 'bilinear', 'padding': 0.5}",
      "a formation of 0 tiles along the width"
    ),
    ("shape", "[2**40] * 3", "the shape 1099511627776×1099511627776×1099511627776"),
    ("shape", "[3, -32, 32]", "the shape 3×-32×32"),
  ]

  /// Rewrites the JSON of a stream's header, or of its end, and leaves every other byte as it is.
  private static let rewrite = """
    import json, sys
    name, key, value = sys.argv[1], sys.argv[2], eval(sys.argv[3])
    data, position, result = open('whole', 'rb').read(), 0, b''
    while any(data[position:position + 512]):
        head = data[position:position + 512]
        size = int(head[124:135], 8)
        content = data[position + 512:position + 512 + size]
        position += 512 + (size + 511) // 512 * 512
        member = head[:100].rstrip(bytes(1)).decode()
        if member == '__pipe__/header': header = json.loads(content)
        if member == '__pipe__/' + name:
            document = json.loads(content)
            document['info'] = dict(header['info'], **{key: value})
            content = json.dumps(document).encode()
            head = head[:124] + b'%011o' % len(content) + head[135:148] + b' ' * 8 + head[156:]
            head = head[:148] + b'%06o' % sum(head) + bytes(1) + b' ' + head[156:]
        result += head + content + bytes(-len(content) % 512)
    open('x', 'wb').write(result + data[position:])
    """

  @Test(arguments: changes) func `in a stream are refused`(key: String, value: String, words: String) throws {
    let folder = try TemporaryFolder()
    let script = try folder.file("rewrite.py", Self.rewrite).lastPathComponent
    let whole = try shell("pipe decode -q -i \(fixtures.path)/shapes-webdataset.tar -o whole", in: folder)
    try #require(whole.status == 0, "\(whole.text)")
    for place in ["header", "end"] {
      try #require(try shell("python3 \(script) \(place) \(key) \"\(value)\"", in: folder).status == 0)
      for verb in ["decode -i x", "shard -o out -i x"] {
        let refused = try shell("pipe \(verb) -q > /dev/null", in: folder)
        #expect(!FileManager.default.fileExists(atPath: folder.url.appending(path: "out").path), "\(verb)")
        #expect(refused.status == 65, "\(verb), \(place): \(refused.text)")
        #expect(
          refused.text.contains("x: __pipe__/\(place): ") && refused.text.contains("\(words)"),
          "\(verb), \(place): \(refused.text)")
      }
    }
  }

  @Test(arguments: changes) func `in a manifest are refused`(key: String, value: String, words: String) throws {
    let folder = try TemporaryFolder()
    let key = key == "count_per_class" ? "counts_per_class" : key
    let made = try shell(
      """
      pipe shard -q -i \(fixtures.path)/shapes-webdataset.tar -o a && chmod u+w a/pipe.manifest && python3 -c "
      import json
      document = json.load(open('a/pipe.manifest'))
      document['\(key)'] = \(value)
      document['samples'] = 2**62
      json.dump(document, open('a/pipe.manifest', 'w'))"
      """, in: folder)
    try #require(made.status == 0, "\(made.text)")
    for verb in ["inspect a", "inspect --json a", "preview a -o sheet.png", "cat a -o x", "shard -i a -o b"] {
      let refused = try shell("pipe \(verb)", in: folder)
      #expect(refused.status == 65, "\(verb): \(refused.text)")
      #expect(refused.text.contains("a/pipe.manifest: ") && refused.text.contains(words), "\(verb): \(refused.text)")
    }
  }

  @Test func `sums and ranges of a manifest are looked at too`() throws {
    for (change, words) in [
      ("document['shards'] = document['shards'] * 3", "add up to another number"),
      ("document['shards'][0]['samples'] = -2**62", "add up to another number"),
      ("document['observed_range'] = [1]", "a range of values that is no pair"),
      ("document['value_range'] = []", "a range of values that is no pair"),
    ] {
      let folder = try TemporaryFolder()
      let outcome = try shell(
        """
        pipe shard -q -i \(fixtures.path)/shapes-webdataset.tar -o a && chmod u+w a/pipe.manifest && python3 -c "
        import json
        document = json.load(open('a/pipe.manifest'))
        \(change)
        json.dump(document, open('a/pipe.manifest', 'w'))" && pipe inspect a
        """, in: folder)
      #expect(outcome.status == 65 && outcome.text.contains(words), "\(outcome.text)")
    }
  }
}
