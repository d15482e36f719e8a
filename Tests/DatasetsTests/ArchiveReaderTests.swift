import Datasets
import Testing

@Suite struct ArchiveReaderTests {
  private let members = [
    TestMember("a/one.txt", text: "one"), TestMember("a", [], .folder),
    TestMember("a/zwei-ä.bin", noise(70_000, seed: 1)),
    TestMember("empty"), TestMember("last.bin", noise(1024, seed: 2)),
  ]

  /// Paths and contents, to the end.
  private func contents(_ bytes: [UInt8], limits: Limits = Limits()) throws -> [String: [UInt8]] {
    let reader = MemberReader(
      try ArchiveReader(ByteSource(bytes: bytes, name: "x.tar"), limits: limits), limits: limits)
    var found: [String: [UInt8]] = [:]
    while let member = try reader.next() { found[member.path] = try reader.readAll() }
    return found
  }

  private func failure(_ bytes: [UInt8], limits: Limits = Limits()) -> DataError? {
    do { _ = try contents(bytes, limits: limits) } catch { return error as? DataError }
    return nil
  }

  @Test(arguments: TestFilter.allCases) func `reads a tar through each filter`(_ filter: TestFilter) throws {
    let found = try contents(tar(members, filter))
    #expect(found.keys.sorted() == ["a/one.txt", "a/zwei-ä.bin", "empty", "last.bin"])
    #expect(found["a/zwei-ä.bin"] == members[2].bytes)
    #expect(found["last.bin"] == members[4].bytes)
  }

  @Test(arguments: [false, true]) func `reads a zip file`(stored: Bool) throws {
    let folder = try TemporaryFolder()
    let path = try folder.write("x.zip", zip(members, stored: stored))
    let reader = MemberReader(try ArchiveReader(ByteSource(.file(path))))
    var found: [String: [UInt8]] = [:]
    while let member = try reader.next() { found[member.path] = try reader.readAll() }
    #expect(found["a/zwei-ä.bin"] == members[2].bytes)
    #expect(found.count == 4)
  }

  @Test func `reads concatenated tars`() throws {
    let found = try contents(tar([TestMember("a", [1])]) + tar([TestMember("b", [2])]))
    #expect(found == ["a": [1], "b": [2]])
  }

  /// The last member ends in zeros, as a black image does, so that its end looks like the end of the archive.
  @Test func `every cut of a tar is an error`() {
    let whole = tar([TestMember("a", noise(600, seed: 3)), TestMember("b", [UInt8](repeating: 0, count: 2048))])
    #expect(failure(whole) == nil)
    for length in stride(from: 0, to: whole.count, by: 128) {
      let error = failure(Array(whole.prefix(length)))
      #expect(error?.fault == .badInput, "cut at \(length)")
    }
  }

  /// In a file members are passed over by seeking, which must not go beyond the end unnoticed.
  @Test func `every cut of a tar is an error also when its members are not read`() throws {
    let folder = try TemporaryFolder()
    let whole = tar((0..<4).map { TestMember("\($0)", noise(300_000, seed: $0)) })
    for length in stride(from: 512, to: whole.count, by: 77_777) {
      let path = try folder.write("x.tar", Array(whole.prefix(length)))
      #expect(throws: DataError.self, "cut at \(length)") {
        let reader = try ArchiveReader(ByteSource(.file(path)))
        while try reader.next() != nil {}
      }
    }
  }

  @Test func `the cut between members is named`() {
    let whole = tar([TestMember("a", noise(512, seed: 3)), TestMember("b", noise(512, seed: 4))])
    #expect(
      failure(Array(whole.prefix(1024)))?.description
        == "x.tar: the input is cut short: it stops after member 1 without the blocks that end a tar archive; get or make it"
        + " again, and compare its size or checksum with the source's")
  }

  @Test(arguments: TestFilter.allCases.dropFirst()) func `every cut of a compressed tar is an error`(
    _ filter: TestFilter
  ) {
    let whole = tar([TestMember("a", noise(3000, seed: 5))], filter)
    #expect(failure(whole) == nil)
    for length in [1, 7, 40, whole.count / 2, whole.count - 9, whole.count - 5, whole.count - 1] {
      #expect(failure(Array(whole.prefix(length)))?.fault == .badInput, "\(filter) cut at \(length) of \(whole.count)")
    }
  }

  /// These formats carry a checksum of the content, which has to be looked at; libarchive writes zstd without one.
  @Test(arguments: [TestFilter.gzip, .xz, .bzip2, .lz4]) func `a flipped bit in a compressed tar is an error`(
    _ filter: TestFilter
  ) {
    let whole = tar([TestMember("a", noise(3000, seed: 5))], filter)
    for position in [whole.count / 2, whole.count - (filter == .xz ? 20 : 6)] {
      var damaged = whole
      damaged[position] ^= 0x10
      #expect(failure(damaged) != nil, "\(filter) at \(position) of \(whole.count)")
    }
  }

  @Test func `reads gzip files in a row and the zeros after them`() throws {
    let whole = tar([TestMember("a", noise(3000, seed: 5))])
    let halves = [Array(whole.prefix(1000)), Array(whole.dropFirst(1000))].flatMap { gzip($0) }
    #expect(try contents(halves + [0, 0, 0])["a"] == noise(3000, seed: 5))
    #expect(failure(halves + [0, 1, 2, 3])?.problem == "the input is damaged (gzip: incorrect header check)")
  }

  @Test func `a flipped bit in a zip is an error`() throws {
    let folder = try TemporaryFolder()
    var bytes = zip([TestMember("a", noise(3000, seed: 5))], stored: true)
    bytes[1500] ^= 1
    let path = try folder.write("x.zip", bytes)
    let reader = MemberReader(try ArchiveReader(ByteSource(.file(path))))
    #expect(throws: DataError.self) {
      while try reader.next() != nil { _ = try reader.readAll() }
    }
  }

  @Test func `a cut zip is an error`() throws {
    let folder = try TemporaryFolder()
    let whole = zip([TestMember("a", noise(3000, seed: 5)), TestMember("b", [1])])
    for length in [100, 2000, whole.count - 30, whole.count - 1] {
      let path = try folder.write("x.zip", Array(whole.prefix(length)))
      #expect(throws: DataError.self, "cut at \(length) of \(whole.count)") {
        let reader = MemberReader(try ArchiveReader(ByteSource(.file(path))))
        while try reader.next() != nil { _ = try reader.readAll() }
      }
    }
  }

  @Test(arguments: [
    (
      TestMember("link", [], .symbolicLink),
      "a symbolic link, which cannot be followed in an archive that is read once; give it as a file with -i, or pack it again with "
        + "tar --dereference --hard-dereference"
    ),
    (
      TestMember("pipe", [], .fifo),
      "a device or another special file; archives may hold only files, folders and links; pack it again without"
    ),
    (TestMember("/etc/x", [1]), "an absolute path; pack it again from its folder: tar -C FOLDER -cf ARCHIVE ."),
    (TestMember("a/../../x", [1]), "a path that leads out of the archive; pack it again without"),
  ])
  func `refuses what is no plain member`(_ member: TestMember, _ sentence: String) {
    let error = failure(tar([TestMember("a", [1]), member]))
    #expect(error?.fault == .badInput)
    #expect(error?.description == "x.tar: \(member.path): \(sentence)")
  }

  @Test func `a name that is not UTF-8 is shown and its remedy named`() throws {
    var archive = tar([TestMember("caf_.png", [1])])
    archive[3] = 0xe9
    let sum = archive[..<512].indices.reduce(0) { $0 + ((148..<156).contains($1) ? 0x20 : Int(archive[$1])) }
    archive.replaceSubrange(148..<154, with: Array(("000000" + String(sum, radix: 8)).suffix(6).utf8))
    let error = failure(archive)
    #expect(error?.problem == "its name is not UTF-8: caf\\xe9.png")
    #expect(error?.remedy?.contains("convmv -f latin1 -t utf8") == true)
  }

  @Test func `a window that is too large and a password are named as what they are`() throws {
    let folder = try TemporaryFolder()
    // A frame header that asks for 256 MiB of window, and the smallest block behind it.
    let frame: [UInt8] = [0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x90, 0x01, 0x00, 0x00]
    let error = failure(frame)
    #expect(error?.problem == "it is compressed with a window of more than 128 MiB, as zstd --long=31 does")
    #expect(error?.remedy == "decompress it first: zstd -dc --long=31 FILE | pipe …")
    var secret = zip([TestMember("a.png", noise(30, seed: 1))], stored: true)
    // The flag of encryption, in the member's own header and in the directory.
    secret[6] |= 1
    let directory = try #require(secret.indices.first { secret[$0...].starts(with: [0x50, 0x4b, 1, 2]) })
    secret[directory + 8] |= 1
    let path = try folder.write("secret.zip", secret)
    let refusal = #expect(throws: DataError.self) { try ArchiveReader(ByteSource(.file(path))).next() }
    #expect(refusal?.problem == "it is encrypted with a password")
    #expect(refusal?.place == [path, "a.png"])
  }

  @Test func `skips hidden files and what systems leave`() throws {
    let litter = [
      "._a", "d/._b", "__MACOSX/c", ".DS_Store", "d/.DS_Store", ".cache/x/y", "Thumbs.db", "d/@eaDir/e",
      "$RECYCLE.BIN/f",
      ".ipynb_checkpoints/g", "desktop.ini",
    ].map { TestMember($0, [0]) }
    #expect(try contents(tar(litter + [TestMember("./d/real", [7])])) == ["d/real": [7]])
  }

  @Test func `stops at its limits`() {
    let bytes = tar((0..<5).map { TestMember("\($0)", [1, 2, 3]) })
    #expect(failure(bytes, limits: Limits(maxMembers: 4))?.problem == "more than the 4 members that are allowed")
    #expect(
      failure(bytes, limits: Limits(maxMemberBytes: 2))?.description
        == "x.tar: 0: larger than the 2 bytes that a member may have")
  }

  @Test(arguments: TestFilter.allCases.dropFirst()) func `stops a decompression bomb`(_ filter: TestFilter) {
    let bomb = tar([TestMember("zeros", [UInt8](repeating: 0, count: 8 << 20))], filter)
    let error = failure(bomb, limits: Limits(maxRatio: 50, ratioGrace: 1 << 20))
    #expect(error?.fault == .badInput)
    #expect(error?.problem == "decompresses to more than 50 times its size, as a decompression bomb does")
  }

  @Test func `something else is no archive`() {
    #expect(failure(Array("hello, this is text".utf8))?.fault == .badInput)
  }
}
