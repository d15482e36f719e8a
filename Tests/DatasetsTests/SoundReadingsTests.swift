import Testing

@testable import Datasets

/// Sounds as people have them: lists and tables tell what they say, and nothing is dropped or cut without a word.
@Suite struct SoundReadingsTests {
  private final class Log { var lines: [String] = [] }

  /// 16-bit PCM of one channel; `announced` is what the headers say in place of the true size of the samples.
  private func wav(_ seconds: Double = 0.1, rate: Int = 8000, announced: Int? = nil) -> [UInt8] {
    func word(_ value: Int) -> [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) } }
    let count = Int(seconds * Double(rate))
    let data = (0..<count).flatMap { [UInt8($0 % 20), UInt8($0 % 7)] }
    let size = announced ?? data.count
    return Array("RIFF".utf8) + word(min(size + 36, 0xffff_ffff)) + Array("WAVEfmt ".utf8) + word(16) + [1, 0, 1, 0]
      + word(rate)
      + word(2 * rate) + [2, 0, 16, 0] + Array("data".utf8) + word(size) + data
  }

  private func opened(
    _ members: [TestMember], _ options: ReadOptions = ReadOptions()
  ) throws -> (source: any SampleSource, lines: () -> [String]) {
    let log = Log()
    let source = try openDataset(
      from: ByteSource(bytes: tar(members), name: "x"), options: options, log: { log.lines.append($0) })
    return (source, { log.lines })
  }

  private func origins(_ members: [TestMember], _ options: ReadOptions = ReadOptions()) throws -> [String] {
    try all(opened(members, options).source).compactMap(\.origin)
  }

  private func clips(_ paths: [String]) -> [TestMember] { paths.map { TestMember($0, wav()) } }

  // MARK: Speech Commands

  /// Google's Speech Commands, small.
  private var speech: [TestMember] {
    clips(["yes", "no"].flatMap { word in (0..<3).map { "\(word)/\($0)_nohash_0.wav" } }) + [
      TestMember("_background_noise_/pink_noise.wav", wav(1.5)), TestMember("_background_noise_/README.md", text: "x"),
      TestMember("LICENSE", text: "x"),
    ]
  }
  private let lists = [
    TestMember("testing_list.txt", text: "yes/0_nohash_0.wav\nno/0_nohash_0.wav\n"),
    TestMember("validation_list.txt", text: "yes/1_nohash_0.wav\r\n"),
  ]

  @Test func `lists tell the parts of speech commands, wherever they stand`() throws {
    let folder = try TemporaryFolder()
    for member in speech + lists { try folder.write(member.path, member.bytes) }
    let archive = try TemporaryFolder()
    let pipe = try PipedFile(archive.write("x.tar", tar(lists + speech)))
    let train = ["yes/2_nohash_0.wav", "no/1_nohash_0.wav", "no/2_nohash_0.wav"]
    for members in [speech + lists, lists + speech] {
      #expect(try origins(members).sorted() == train.sorted())
      #expect(try origins(members, ReadOptions(split: .test)).sorted() == ["no/0_nohash_0.wav", "yes/0_nohash_0.wav"])
    }
    #expect(try all(openDataset([.file(folder.path)])).compactMap(\.origin).sorted() == train.sorted())
    #expect(try all(openDataset(from: pipe.source)).compactMap(\.origin).sorted() == train.sorted())
    let (source, lines) = try opened(speech + lists, ReadOptions(split: .test, isSplitRequired: true))
    #expect(source.info.classNames == ["no", "yes"])
    #expect(source.info.countPerClass == [1, 1])
    #expect(lines().contains("x: testing_list.txt: a list of 2 clips of the test part"))
    #expect(lines().contains("x: _background_noise_: 1 file of noise was left out: it is not a class"))
    let parts = try inspectedParts([.file(folder.path)], options: ReadOptions())
    #expect(parts.first?.parts.map(\.name) == ["train", "val", "test"])
    #expect(parts.first?.parts.map(\.count) == [3, 1, 2])
  }

  @Test func `lists of parts are read among ever so many tables`() throws {
    let others = (0..<30).map { TestMember("list_\($0).txt", text: "something else\n") }
    for members in [speech + lists + others, others + lists + speech] {
      #expect(try origins(members, ReadOptions(split: .test)).sorted() == ["no/0_nohash_0.wav", "yes/0_nohash_0.wav"])
      #expect(try opened(members).lines().contains { $0.contains("30 tables such as list_") })
    }
  }

  @Test func `noises are a class for who names it`() throws {
    let options = ReadOptions(classes: ["_background_noise_", "yes"])
    #expect(try origins(speech, options).contains("_background_noise_/pink_noise.wav"))
  }

  @Test func `a list beside the folder of the classes is found, and test folders stay what they are`() throws {
    let names = ["yes/0.wav", "yes/1.wav", "no/0.wav", "no/1.wav"]
    let text = "yes/0.wav\nno/0.wav\n"
    // As in Kaggle's version.
    let beside = clips(names.map { "audio/\($0)" }) + [TestMember("testing_list.txt", text: text)]
    #expect(try origins(beside) == ["audio/yes/1.wav", "audio/no/1.wav"])
    #expect(try origins(beside, ReadOptions(split: .test)) == ["audio/yes/0.wav", "audio/no/0.wav"])
    let parts =
      clips(names.map { "train/\($0)" } + ["test/no/0.wav"]) + [
        TestMember("train/validation_list.txt", text: text), TestMember("training_list.txt", text: "test/no/0.wav\n"),
      ]
    #expect(try origins(parts) == ["train/yes/1.wav", "train/no/1.wav"])
    #expect(try origins(parts, ReadOptions(split: .test)) == ["test/no/0.wav"])
    // A class that is called as a part is none.
    let vehicles = clips(["bus/0.wav", "bus/1.wav", "train/0.wav", "train/1.wav"])
    let list = TestMember("testing_list.txt", text: "bus/0.wav\ntrain/0.wav\n")
    #expect(try origins(vehicles + [list]) == ["bus/1.wav", "train/1.wav"])
  }

  @Test func `lists for every part leave out what is in none`() throws {
    let members =
      clips(["a/0.wav", "a/1.wav", "a/2.wav", "b/0.wav", "b/1.wav"]) + [
        TestMember("train.txt", text: "a/0.wav\nb/0.wav\n"), TestMember("test.txt", text: "a/1.wav\nb/1.wav\n"),
      ]
    let (source, lines) = try opened(members)
    #expect(try all(source).compactMap(\.origin) == ["a/0.wav", "b/0.wav"])
    #expect(lines().contains("x: 1 clip that no list names was left out"))
  }

  @Test func `a list that cannot be followed is told, and the clips are read as before`() throws {
    let words = clips(["a/0.wav", "a/1.wav", "b/0.wav", "b/1.wav"])
    for (text, reason) in [
      ("c/7.wav\n", "its lines name none that is here"), ("0.wav\n", "0.wav may be one of 2"),
    ] {
      let (source, lines) = try opened(words + [TestMember("testing_list.txt", text: text)])
      #expect(try all(source).count == 4)
      #expect(lines().contains { $0.contains("testing_list.txt was not read") && $0.hasSuffix(reason) }, "\(reason)")
    }
    let two = [TestMember("test.txt", text: "a/0.wav\n"), TestMember("val.txt", text: "a/0.wav\n")]
    let (source, lines) = try opened(words + two)
    #expect(try all(source).count == 3)
    #expect(
      lines().contains { $0.contains("val.txt was not read: it names clips that another list puts into another") })
    var options = ReadOptions()
    options.testPattern = try FilePattern("*/1")
    #expect(try origins(words + two, options) == ["a/0.wav", "b/0.wav"])
  }

  // MARK: Length, formats and headers

  @Test func `clips longer than a second are counted`() throws {
    let members = [
      TestMember("a/1.wav", wav(1)), TestMember("a/2.wav", wav(1.5)), TestMember("b/1.wav", wav(2)),
      TestMember("b/2.wav", wav()),
    ]
    let (source, lines) = try opened(members)
    _ = try all(source)
    #expect(
      lines().contains("x: 2 of 4 clips are longer than one second; only the first second of each is used"))
    let short = try opened(Array(members.suffix(1)) + [TestMember("a/1.wav", wav(1))])
    _ = try all(short.source)
    #expect(!short.lines().contains { $0.contains("longer than") })
  }

  @Test func `WAV files have several endings`() throws {
    let names = ["a/1.wav", "a/2.wave", "b/1.WAVE", "b/2.rf64"]
    #expect(try origins(clips(names)) == names)
  }

  @Test(arguments: ["mp3", "ogg", "aifc", "w64", "snd", "wv", "nist"])
  func `sounds of other formats are refused, also where there is nothing else`(_ kind: String) {
    let foreign = TestMember("a/0.\(kind)", Array("ID3".utf8) + [4, 0, 0, 0, 0, 0])
    for members in [[foreign, TestMember("b/0.\(kind)", foreign.bytes)], clips(["a/1.wav", "b/1.wav"]) + [foreign]] {
      let error = failure(of: tar(members))
      #expect(error?.place == ["test", "a/0.\(kind)"])
      #expect(error?.problem == "a sound file in the format \(kind); WAV and FLAC are read")
      #expect(error?.remedy == "convert it")
    }
  }

  @Test func `a pointer in place of a clip is named`() {
    let pointer = TestMember("a/1.wav", text: "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n")
    let one = failure(of: tar([pointer] + clips(["b/1.wav"])))
    #expect(one?.problem == "a pointer of Git LFS instead of a clip")
    #expect(one?.remedy == "get the files themselves with git lfs pull")
    let both = failure(of: tar([pointer, TestMember("b/1.wav", pointer.bytes)]))
    #expect(both?.remedy == "get the files themselves with git lfs pull")
    #expect(failure(of: tar([TestMember("a/0.mp3", pointer.bytes)]))?.problem == "a pointer of Git LFS")
  }

  @Test(arguments: [0x7fff_f000, 0x7fff_ffff - 36, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff])
  func `a size that a program did not know is no cut`(_ announced: Int) throws {
    let whole = try Clip(bytes: wav()).samples(8000)
    let piped = try Clip(bytes: wav(announced: announced)).samples(8000)
    #expect(piped.count == whole.count && piped.samples == whole.samples)
  }

  @Test(arguments: [1700, 1 << 20, 0x7fff_efff]) func `a file that is shorter than it says is cut`(_ announced: Int) {
    #expect(throws: DataError.self) { try Clip(bytes: wav(announced: announced)).samples(8000) }
  }

  // MARK: Tables

  private let esc = """
    filename,fold,target,category,esc10,src_file,take
    1-100-A-0.wav,1,0,dog,True,100,A
    1-101-A-36.wav,1,36,vacuum_cleaner,False,101,A
    2-102-A-0.wav,2,0,dog,True,102,A
    2-103-B-36.wav,2,36,vacuum_cleaner,False,103,B

    """
  private let escClips = ["1-100-A-0.wav", "1-101-A-36.wav", "2-102-A-0.wav", "2-103-B-36.wav"].map { "audio/\($0)" }

  @Test func `a table labels clips that stand in one folder, or in folds`() throws {
    let table = TestMember("meta/esc50.csv", text: esc)
    let (source, lines) = try opened(clips(escClips) + [table])
    #expect(source.info.classNames == ["dog", "vacuum_cleaner"])
    #expect(try all(source).map(\.label) == [0, 1, 0, 1])
    #expect(lines().contains { $0.contains("esc50.csv has 2 folds") })
    let folds = ["audio/fold1/1-0-0-0.wav", "audio/fold1/1-1-0-0.wav", "audio/fold2/2-0-0-0.wav"]
    let urban = TestMember(
      "metadata/UrbanSound8K.csv",
      text: "slice_file_name,fold,classID,class\n1-0-0-0.wav,1,0,air\n1-1-0-0.wav,1,1,car\n2-0-0-0.wav,2,0,air\n")
    let (other, _) = try opened(clips(folds) + [urban])
    #expect(other.info.classNames == ["air", "car"])
    #expect(try all(other).map(\.label) == [0, 1, 0])
    // A row without its clip is a bad sample.
    let error = failure(of: tar(clips(Array(escClips.dropLast())) + [table]))
    #expect(error?.problem == "the clip 2-103-B-36.wav is not there")
  }

  @Test func `a table beside class folders changes nothing`() throws {
    let features = TestMember("features.csv", text: "filename,length,label\n0.wav,5,x\n9.wav,6,y\n")
    let (source, _) = try opened(clips(["a/0.wav", "b/1.wav"]) + [features])
    #expect(source.info.classNames == ["a", "b"])
    #expect(try all(source).count == 2)
  }

  @Test func `without a table the message has a pattern that fits the names`() throws {
    let error = failure(of: tar(clips(escClips)))
    #expect(error?.remedy == "say where file names hold the class, as with --label-pattern '*-{label}' or '{label}-*'")
    var options = ReadOptions()
    options.labelPattern = try FilePattern("*-{label}")
    #expect(try opened(clips(escClips), options).source.info.classNames == ["0", "36"])
  }
}
