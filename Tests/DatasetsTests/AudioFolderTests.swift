import Foundation
import Testing

@testable import Datasets

@Suite struct AudioFolderTests {
  private let tones = ["fall", "high", "low", "rise"]

  /// 16-bit PCM, the channels interleaved.
  private func wav(_ samples: [Int16], rate: Int = 8000, channels: Int = 1, isBigEndian: Bool = false) -> [UInt8] {
    func bytes<T: FixedWidthInteger>(_ value: T) -> [UInt8] {
      withUnsafeBytes(of: isBigEndian ? value.bigEndian : value.littleEndian) { Array($0) }
    }
    let data = samples.flatMap { bytes($0) }
    let width = 2 * channels
    return Array((isBigEndian ? "RIFX" : "RIFF").utf8) + bytes(UInt32(36 + data.count)) + Array("WAVEfmt ".utf8)
      + bytes(UInt32(16)) + bytes(UInt16(1)) + bytes(UInt16(channels)) + bytes(UInt32(rate))
      + bytes(UInt32(rate * width)) + bytes(UInt16(width)) + bytes(UInt16(16)) + Array("data".utf8)
      + bytes(UInt32(data.count)) + data
  }

  /// The same as RF64, whose sizes stand in a chunk of their own.
  private func rf64(_ wav: [UInt8]) -> [UInt8] {
    func bytes(_ value: Int) -> [UInt8] { withUnsafeBytes(of: value.littleEndian) { Array($0) } }
    let unknown = [UInt8](repeating: 255, count: 4)
    let count = wav.count - 44
    let sizes = bytes(wav.count - 8 + 36) + bytes(count) + bytes(count / 2) + [0, 0, 0, 0]
    let head = Array("RF64".utf8) + unknown + Array("WAVEds64".utf8) + [28, 0, 0, 0] + sizes
    return head + Array(wav[12..<40]) + unknown + Array(wav[44...])
  }

  private func tone(_ count: Int, period: Int = 20) -> [Int16] {
    (0..<count).map { 2 * Int16(5000 * sin(2 * .pi * Double($0) / Double(period))) }
  }

  private func patterns(label: String? = "{label}_*", test: String? = nil, split: DatasetInfo.Split = .train) throws
    -> ReadOptions
  {
    ReadOptions(
      split: split, labelPattern: try label.map { try FilePattern($0) },
      testPattern: try test.map { try FilePattern($0) })
  }

  private func image(_ sample: Sample) -> [Float] {
    guard case .floats(let array) = sample.content else { return [] }
    return array.values
  }

  @Test func `names tell class and split`() throws {
    let train = try openDataset([.file(fixture("tones.tar.gz"))], options: patterns(test: "*_[01].wav"))
    #expect(train.info.name == "tones")
    #expect(train.info.classNames == tones)
    #expect(train.info.shape == [1, 64, 64])
    #expect(train.info.countPerClass == [6, 6, 6, 6])
    #expect(train.info.spectrogram == Spectrogram(sampleRate: 8000))
    let samples = try all(train)
    #expect(samples.map(\.label) == (0..<4).flatMap { [Int](repeating: $0, count: 6) })
    #expect(samples.map(\.origin)[..<2] == ["tones/fall_2.wav", "tones/fall_3.flac"])
    #expect(samples[0].metadata == Array("{\"seconds\":0.207}".utf8))
    let test = try openDataset([.file(fixture("tones.tar.gz"))], options: patterns(test: "*_[01].wav", split: .test))
    #expect(test.info.countPerClass == [2, 2, 2, 2] && test.info.split == .test)
    #expect(try all(test).map(\.origin)[..<2] == ["tones/fall_0.wav", "tones/fall_1.wav"])
  }

  @Test func `archives, folders and pipes give the same samples`() throws {
    let options = try patterns()
    let path = fixture("tones.tar.gz")
    let expected = try all(openDataset([.file(path)], options: options))
    #expect(expected.count == 32)
    let piped = try PipedFile(path)
    #expect(try all(openDataset(from: piped.source, options: options)) == expected)
    let folder = try TemporaryFolder()
    var members: [TestMember] = []
    let reader = try Container([.file(path)], limits: Limits()).open(last: true)
    while let member = try reader.next() {
      members.append(TestMember(member.path, try reader.readAll()))
      try folder.write(member.path, members[members.count - 1].bytes)
    }
    #expect(try all(openDataset([.file(folder.path)], options: options)) == expected)
    #expect(try read(zip(members), options) == expected)
    let sorted = members.map { member in
      let name = member.path.split(separator: "/")[1]
      let label = name.split(separator: "_")[0]
      let split = name.contains("_0") || name.contains("_1") ? "test" : "train"
      return TestMember("\(split)/\(label)/\(name)", member.bytes)
    }
    let train = try read(tar(sorted))
    #expect(train.count == 24)
    #expect(train.map(image) == expected.filter { !$0.origin!.contains("_0") && !$0.origin!.contains("_1") }.map(image))
    #expect(try read(tar(sorted), ReadOptions(split: .test, isSplitRequired: true)).count == 8)
  }

  @Test func `channels are averaged, long clips cut, short ones padded with zeros`() throws {
    let left = tone(8000)
    let stereo = left.flatMap { sample -> [Int16] in [sample, 0] }
    let samples = try read(
      tar([
        TestMember("a/half.wav", wav(left.map { $0 / 2 })), TestMember("b/stereo.wav", wav(stereo, channels: 2)),
        TestMember("b/whole.wav", wav(left)), TestMember("b/longer.wav", wav(left + tone(3000, period: 7))),
        TestMember("b/short.wav", wav(Array(left[..<2000]))),
        TestMember("b/zeros.wav", wav(Array(left[..<2000]) + [Int16](repeating: 0, count: 6000))),
      ]))
    #expect(image(samples[0]) == image(samples[1]))
    #expect(image(samples[2]) == image(samples[3]))
    #expect(image(samples[4]) == image(samples[5]))
    #expect(samples[3].metadata == Array("{\"seconds\":1.375}".utf8))
  }

  @Test func `a name that does not tell its label is refused`() throws {
    let clip = wav(tone(800))
    func problem(_ names: [String], _ options: ReadOptions) -> String? {
      failure(of: tar(names.map { TestMember($0, clip) }), options)?.description
    }
    #expect(
      try problem(["r/7_a.wav", "r/x.wav"], patterns())
        == "test: r/x.wav: its name does not fit --label-pattern '{label}_*'; give a pattern that tells the label of every file, "
        + "or take the file out")
    #expect(
      try problem(["r/7_a_b_1.wav"], patterns(label: "*_{label}_*"))
        == "test: r/7_a_b_1.wav: --label-pattern '*_{label}_*' leaves open whether its label is a or b; give a pattern that tells "
        + "the label of every file, or take the file out")
    #expect(
      problem(["r/7_a.wav", "r/8_a.wav"], ReadOptions())
        == "test: all clips are in one folder, r, which would be the only class; say where file names hold the class, as with "
        + "--label-pattern '{label}_*'")
    #expect(
      problem(["a.wav", "b.wav"], ReadOptions())
        == "test: clips without labels: there are clips outside every class folder; put each clip into a folder with its class's name"
    )
  }

  @Test func `a split that the names do not tell is refused`() throws {
    let archive = tar(["r/7_0.wav", "r/8_0.wav"].map { TestMember($0, wav(tone(800))) })
    #expect(try failure(of: archive, patterns(test: "*_9"))?.problem == "no file fits --test-pattern '*_9'")
    #expect(try failure(of: archive, patterns(test: "*_0"))?.fault == .badInput)
    #expect(try read(archive, patterns(test: "*_0", split: .test)).count == 2)
    let folders = tar(["train/7/0.wav", "train/8/0.wav", "test/7/0.wav"].map { TestMember($0, wav(tone(800))) })
    #expect(try failure(of: folders, patterns(label: nil, test: "*0"))?.fault == .usage)
  }

  @Test func `patterns are for files`() throws {
    let error = try failure(of: bytes(ofFixture: "shapes-cifar.tar.gz"), patterns(test: "*_0"))
    #expect(error?.fault == .usage)
    #expect(
      error?.description
        == "test: --label-pattern and --test-pattern are for folders of images or sound files, and its layout is cifar10-binary; leave them out"
    )
  }

  @Test func `bad clips are left out where that is asked`() throws {
    let clip = wav(tone(800))
    let members = [
      TestMember("a/1.wav", clip), TestMember("a/2.wav", Array(clip.dropLast(100))), TestMember("b/3.wav"),
      TestMember("b/4.wav", clip),
    ]
    let source = try openDataset(
      from: ByteSource(bytes: tar(members), name: "x"), options: ReadOptions(onBadSample: .skip()))
    var keys: [String] = []
    while let sample = try source.next() { keys.append(sample.key) }
    #expect(keys == ["000000000", "000000003"])
    #expect(source.info.countPerClass == [1, 1])
    #expect(source.skipped?.samples.map(\.place) == ["a/2.wav", "b/3.wav"])
    #expect(failure(of: tar(members))?.badSamples?.count == 2)
  }

  @Test func `where no clip can be read the first says why`() throws {
    let cut = Array(wav(tone(800)).dropLast(100))
    let error = failure(of: tar([TestMember("a/1.wav", cut), TestMember("b/2.wav", cut)]))
    #expect(error?.fault == .badInput)
    #expect(error?.place.last == "a/1.wav")
    #expect(error?.problem.contains("none of the clips") == true && error?.problem.contains("cut short") == true)
  }

  @Test func `clips that cannot become spectrograms are refused by name`() throws {
    let good = TestMember("a/good.wav", wav(tone(800)))
    func problem(_ path: String, _ bytes: [UInt8]) -> String? {
      let error = failure(of: tar([good, TestMember(path, bytes)]))
      #expect(error?.fault == .badInput)
      return error?.description
    }
    let clip = wav(tone(800))
    let replace = "; replace it, or take it out"
    #expect(
      problem("b/cut.wav", Array(clip.dropLast(100)))
        == "test: b/cut.wav: a clip that cannot be read (it is cut short: its header announces 1600 bytes of samples, and 1500 are "
        + "there)\(replace)")
    #expect(problem("b/empty.wav", wav([])) == "test: b/empty.wav: a clip of no samples; take it out")
    #expect(
      problem("b/text.wav", Array("hello".utf8))?.hasPrefix("test: b/text.wav: a clip that cannot be read (") == true)
    #expect(problem("b/nothing.wav", [])?.hasPrefix("test: b/nothing.wav: a clip that cannot be read (") == true)
    #expect(
      problem("b/other.wav", wav(tone(800), rate: 16000))
        == "test: b/other.wav: a clip of 16,000 Hz, where a/good.wav has 8,000 Hz: their spectrograms would have different rows; "
        + "resample them to one rate")
    #expect(
      problem("b/slow.wav", wav(tone(800), rate: 1000))
        == "test: b/slow.wav: a clip of 1,000 samples per second; 4,000 to 96,000 are read; resample it, to 16,000 for instance"
    )
    #expect(
      problem("b/song.mp3", [1, 2, 3])
        == "test: b/song.mp3: a sound file in the format mp3; WAV and FLAC are read; convert it")
    let resized = ReadOptions(resize: .exact(height: 32, width: 32))
    #expect(failure(of: tar([good, TestMember("b/good.wav", clip)]), resized)?.fault == .usage)
  }

  /// Every cut of a FLAC file, and of a WAV file, is noticed, wherever it is.
  @Test func `a clip that was cut is no shorter clip`() throws {
    let reader = try Container([.file(fixture("tones.tar.gz"))], limits: Limits()).open(last: true)
    var clips: [TestMember] = []
    while let member = try reader.next() {
      if member.path.hasSuffix("high_3.flac") || member.path.hasSuffix("high_2.wav") {
        clips.append(TestMember(member.path, try reader.readAll()))
      }
    }
    #expect(clips.count == 2)
    for clip in clips {
      #expect(try Clip(bytes: clip.bytes).samples(8000).count > 0)
      for length in stride(from: 0, to: clip.bytes.count, by: 97) {
        #expect(throws: DataError.self, "\(clip.path) cut at \(length)") {
          try Clip(bytes: Array(clip.bytes[..<length])).samples(8000)
        }
      }
    }
  }

  /// libsndfile reads what there is of them.
  @Test func `a cut RIFX or RF64 file is no shorter clip`() throws {
    let plain = wav(tone(800))
    let expected = try Clip(bytes: plain).samples(8000)
    for clip in [wav(tone(800), isBigEndian: true), rf64(plain)] {
      #expect(try Clip(bytes: clip).samples(8000) == expected)
      for missing in [1, 2, 100, 1500] {
        #expect(throws: DataError.self) { try Clip(bytes: Array(clip.dropLast(missing))).samples(8000) }
      }
    }
  }
}
