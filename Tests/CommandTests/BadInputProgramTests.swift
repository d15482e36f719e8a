import Foundation
import Testing

/// Every kind of bad input, made from the fixtures, as a user of the built program meets it.
@Suite struct BadInputProgramTests {
  struct Damage: Sendable, CustomTestStringConvertible {
    var testDescription: String
    /// What the sentence says beside what to do.
    var words: String
    /// Python that leaves the damaged input as the file `x`; see `prelude`.
    var recipe: String

    init(_ name: String, says words: String, _ recipe: String) {
      testDescription = name
      self.words = words
      self.recipe = recipe
    }
  }

  /// `members(name)` are the files of a fixture, `pack` writes them as an archive, `web` are those of WebDataset.
  private static let prelude = """
    import io, struct, sys, tarfile, zlib
    def members(name):
        with tarfile.open(f'{sys.argv[1]}/{name}') as archive:
            return [(m.name, archive.extractfile(m).read()) for m in archive if m.isfile()]
    def pack(files, *more):
        with tarfile.open('x', 'w', format=tarfile.USTAR_FORMAT) as archive:
            for name, content in files:
                info = tarfile.TarInfo(name)
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
            for info in more: archive.addfile(info)
    def cut(name, index, more=0):
        with tarfile.open(f'{sys.argv[1]}/{name}') as archive: offset = archive.getmembers()[index].offset
        open('x', 'wb').write(open(f'{sys.argv[1]}/{name}', 'rb').read()[:offset + more])
    def changed(files, kind, change):
        index = next(i for i, (name, _) in enumerate(files) if name.endswith(kind))
        return files[:index] + [(files[index][0], change(files[index][1]))] + files[index + 1:]
    def without(files, index):
        return files[:index] + files[index + 1:]
    def flipped(content):
        middle = len(content) // 2
        return content[:middle] + bytes([content[middle] ^ 255]) + content[middle + 1:]
    def huge(content):
        header = b'IHDR' + struct.pack('>II', 60000, 60000) + content[24:29]
        return content[:12] + header + struct.pack('>I', zlib.crc32(header)) + content[33:]
    web = members('shapes-webdataset.tar')
    batch = [(n, c) for n, c in members('shapes-cifar.tar.gz') if n.endswith('batch_1.bin')]
    """

  static let damages = [
    Damage(
      "truncated archive", says: "the input is cut short",
      "open('x', 'wb').write(open(sys.argv[1] + '/shapes-cifar.tar.gz', 'rb').read()[:80000])"),
    Damage("cut inside a member", says: "the input is cut short", "cut('shapes-webdataset.tar', 40, 700)"),
    Damage(
      "cut at a member boundary", says: "the input is cut short: it stops after member 31",
      "cut('shapes-webdataset.tar', 31)"),
    Damage(
      "cut at a sample boundary", says: "the input is cut short: it stops after member 30",
      "cut('shapes-webdataset.tar', 30)"),
    Damage(
      "wrong record size", says: "are not a whole number of records of 3,073 bytes",
      "pack(changed(batch, '.bin', lambda c: c[:-1]))"),
    Damage(
      "label out of range", says: "record 1: label 10, but there are only the labels 0 to 9",
      "pack(changed(batch, '.bin', lambda c: bytes([10]) + c[1:]))"),
    Damage(
      "label that is no class", says: "the label “-1” is neither a class index",
      "pack(changed(web, '.cls', lambda c: b'-1'))"),
    Damage(
      "image with no label", says: "an image without a label",
      "pack(without(web, next(i for i, (n, _) in enumerate(web) if n.endswith('.cls'))))"),
    Damage(
      "label with no image", says: "a label without an image",
      "pack(without(web, next(i for i, (n, _) in enumerate(web) if n.endswith('.png'))))"),
    Damage("members apart", says: "the members of this sample are not adjacent", "pack(web[1:] + web[:1])"),
    Damage("corrupt PNG", says: "a damaged PNG image", "pack(changed(web, '.png', flipped))"),
    Damage(
      "corrupt JPEG", says: "a damaged JPEG image",
      "files = members('shapes-folder.tar.gz')\nfirst = next(n for n, _ in files if 'train' in n and n.endswith('.jpg'))\n"
        + "pack(changed(files, first, lambda c: c[:len(c) // 2]))"),
    Damage(
      "decompression bomb, of an image", says: "an image of 60,000×60,000 pixels; at most",
      "pack(changed(web, '.png', huge))"
    ),
    Damage(
      "decompression bomb, of an archive", says: "as a decompression bomb does",
      """
      import subprocess
      zstd = subprocess.Popen(['zstd', '-q', '-o', 'x'], stdin=subprocess.PIPE)
      with tarfile.open(fileobj=zstd.stdin, mode='w|') as archive:
          info = tarfile.TarInfo(web[0][0])
          info.size = 300 << 20
          archive.addfile(info, open('/dev/zero', 'rb'))
      zstd.communicate()
      """),
    Damage(
      "symbolic link out of the archive", says: "a symbolic link that leads out of the archive",
      "link = tarfile.TarInfo('link.png')\nlink.type, link.linkname = tarfile.SYMTYPE, '/data/1.png'\npack(web, link)"),
    Damage("absolute path", says: "an absolute path", "pack([('/' + n, c) for n, c in web])"),
    Damage("zero samples, an archive without members", says: "there are no files in it", "pack([])"),
    Damage(
      "zero samples, an empty batch", says: "data_batch_1.bin: it is empty",
      "pack(changed(batch, '.bin', lambda c: b''))"),
    Damage("zero samples, an empty file", says: "it is empty", "open('x', 'wb')"),
  ]

  @Test(arguments: damages) func `is refused in one sentence and publishes nothing`(_ damage: Damage) throws {
    let folder = try TemporaryFolder()
    let script = try folder.file("make.py", Self.prelude + "\n" + damage.recipe)
    let made = try shell("python3 \(script.lastPathComponent) \(fixtures.path)", in: folder)
    try #require(made.status == 0, "\(made.text)")

    for (line, codes) in [
      ("pipe shard -q -i x -o out", "65\n"), ("pipe decode -q -i x | pipe shard -q -o out", "65 65\n"),
      ("pipe decode -q < x | pipe shard -q -o out", "65 65\n"),
    ] {
      let outcome = try shell("exec 2> errors; \(line); echo ${PIPESTATUS[@]}; ls -A", in: folder)
      #expect(outcome.text.hasPrefix(codes), "\(line): \(outcome.text)")
      #expect(!outcome.text.contains("out"), "\(line): \(outcome.text)")
      let said = try String(contentsOf: folder.url.appending(path: "errors"), encoding: .utf8).split(separator: "\n")
      let own = said.filter { $0.contains("pipe ") && !$0.contains("the program before this one failed") }
      #expect(own.count == 1 && said.allSatisfy { $0.contains(damage.words) }, "\(line): \(said)")
      // What to do stands behind the first semicolon that the description itself does not have.
      let rest = own.first?.split(separator: damage.words, maxSplits: 1).last
      #expect(rest?.contains("; ") == true, "\(line): \(said)")
    }
  }
}
