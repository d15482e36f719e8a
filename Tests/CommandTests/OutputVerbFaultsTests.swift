import Foundation
import Testing

@testable import Command

/// What verbs write and nobody could read, or read as something else.
@Suite struct OutputVerbFaultsTests {
  private var shards: String { "\(fixtures.path)/shards-1.0" }

  @Test func `the description of classes with control characters in their names is JSON`() throws {
    let folder = try TemporaryFolder()
    let read = try shell(
      """
      cp \(fixtures.path)/shapes-webdataset.tar a.tar && python3 -c "
      import io, tarfile
      with tarfile.open('a.tar') as source, tarfile.open('b.tar', 'w') as target:
        for member in source:
          data = source.extractfile(member).read()
          if member.name.endswith('.cls'): data = 'a\\x7fb\\x92c'.encode()
          member.size = len(data)
          target.addfile(member, io.BytesIO(data))"
      pipe shard -q -i b.tar -o out && pipe inspect --json out | python3 -c "
      import json, sys
      print(json.load(sys.stdin)['label_names'] == ['a\\x7fb\\x92c'])"
      """, in: folder)
    #expect(read.status == 0 && read.text == "True\n", "\(read.text)")
  }

  @Test func `float images that are written as 8 bits are warned of`() throws {
    let folder = try TemporaryFolder()
    let lost = try shell("pipe shard -q -i \(shards)/formation-uniform --fields png,cls -o out", in: folder)
    #expect(
      lost.status == 0 && lost.text.contains("rounded to 8 bits and clamped (--fields has no npy)"), "\(lost.text)")
    let kept = try shell(
      "pipe shard -q -i \(shards)/formation-uniform --fields npy,cls -o floats && pipe verify -q floats > sound",
      in: folder)
    #expect(kept.status == 0 && kept.text == "", "\(kept.text)")
  }

  @Test func `images that are not turned keep their shape`() throws {
    let folder = try TemporaryFolder()
    let read = try shell(
      """
      pipe shard -q -i \(shards)/formation-uniform --exif-rotate -o out && pipe verify -q out > sound && python3 -c "
      import json
      print(json.load(open('out/pipe.manifest'))['shape'])"
      """, in: folder)
    #expect(read.status == 0 && read.text == "[3, 6, 5]\n", "\(read.text)")
  }

  @Test func `a shard from a pipe is told of`() throws {
    let folder = try TemporaryFolder()
    let read = try shell(
      "cat \(shards)/png/shapes-cifar-train-000000.tar | pipe shard -o out", in: folder)
    #expect(read.status == 0, "\(read.text)")
    #expect(read.text.contains("pipe.manifest is not beside it: class names, formation"), "\(read.text)")
  }
}
