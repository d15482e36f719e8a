import Foundation
import Testing

@testable import Datasets

/// Spectrograms against those of librosa and PyTorch, see Scripts/golden/spectrograms.py.
@Suite struct SpectrogramTests {
  private struct Golden: Decodable {
    let shape: [Int]
    let values: [Double]
  }

  private static func golden() throws -> [String: Golden] {
    try JSONDecoder().decode(
      [String: Golden].self, from: Data(contentsOf: URL(fileURLWithPath: fixture("golden/spectrograms.json"))))
  }

  /// As many samples as a clip of that rate has, of which only the first `length` sound.
  private func clip(_ rate: Int, _ length: Int) -> [Float] {
    (0..<rate).map { place in
      guard place < length else { return 0 }
      let x = Double(place)
      return Float(0.4 * sin(0.1 * x + 0.2) + 0.2 * sin(1.3 * 4000 / Double(rate) * x + 0.7))
    }
  }

  private func every<T>(_ step: Int, of values: [T]) -> [T] {
    stride(from: 0, to: values.count, by: step).map { values[$0] }
  }

  @Test(arguments: [
    (16000, 16000), (16000, 20000), (16000, 3000), (8000, 8000), (8000, 1), (11025, 9000), (22050, 22050),
    (44100, 30000),
    (4000, 4000),
  ]) func `magnitudes are librosa's, images those of IDC's program`(rate: Int, length: Int) throws {
    let golden = try Self.golden()
    let transform = SpectrogramTransform(Spectrogram(sampleRate: rate))
    let samples = clip(rate, length)
    let magnitudes = transform.magnitudes(of: samples)
    #expect(
      try #require(golden["shape \(rate) \(length)"]).values
        == [Double(transform.spectrogram.bins), Double(transform.spectrogram.frames)])
    let expected = try #require(golden["magnitudes \(rate) \(length)"]).values
    let loudest = expected.max() ?? 1
    for (found, wanted) in zip(every(41, of: magnitudes), expected) {
      #expect(abs(Double(found) - wanted) <= 1e-5 * loudest + 1e-6)
    }
    let image = transform.image(of: samples)
    #expect(image.shape == [1, 64, 64])
    let wanted = try #require(golden["image \(rate) \(length)"]).values
    #expect(wanted.count == 586)
    for (found, wanted) in zip(every(7, of: image.values), wanted) {
      // In magnitudes: the logarithm enlarges what rounding leaves where there is silence.
      #expect(abs(exp(Double(found)) - exp(wanted)) <= 1e-5 * loudest + 1e-6)
    }
  }

  @Test func `a clip that is read is the clip that soundfile reads`() throws {
    let golden = try Self.golden()
    let options = ReadOptions(labelPattern: try FilePattern("{label}_*"))
    let samples = try all(openDataset([.file(fixture("tones.tar.gz"))], options: options))
    for name in ["tones/fall_2.wav", "tones/high_3.flac", "tones/low_4.wav"] {
      let sample = try #require(samples.first { $0.origin == name })
      guard case .floats(let image) = sample.content else {
        Issue.record("\(name) is no spectrogram")
        continue
      }
      for (found, wanted) in zip(every(7, of: image.values), try #require(golden[name]).values) {
        #expect(abs(exp(Double(found)) - exp(wanted)) <= 2e-4)
      }
    }
  }

  @Test func `at 16 kHz the numbers are those of the paper`() {
    let spectrogram = Spectrogram(sampleRate: 16000)
    #expect(spectrogram.nFft == 255 && spectrogram.hopLength == 128)
    #expect(spectrogram.bins == 128 && spectrogram.frames == 125)
  }

  @Test(arguments: [4000, 8000, 11025, 16000, 22050, 32000, 44100, 48000, 96000])
  func `a tone stands in the row of its frequency, a click in the column of its time`(rate: Int) {
    let transform = SpectrogramTransform(Spectrogram(sampleRate: rate))
    let spectrogram = transform.spectrogram
    for share in [0.1, 0.3, 0.45] {
      let hertz = share * Double(rate)
      let tone = (0..<rate).map { Float(sin(2 * .pi * hertz * Double($0) / Double(rate))) }
      let image = transform.image(of: tone).values
      let column = (0..<64).map { image[$0 * 64 + 32] }
      let row = column.indices.max { column[$0] < column[$1] } ?? 0
      let found = spectrogram.firstHertz + Double(row) * spectrogram.hertzPerRow
      #expect(abs(found - hertz) <= max(spectrogram.hertzPerRow, Double(rate) / Double(spectrogram.nFft)))
    }
    for seconds in [0.1, 0.5, 0.9] {
      var click = [Float](repeating: 0, count: rate)
      click[Int(seconds * Double(rate))] = 1
      let image = transform.image(of: click).values
      let row = Array(image[32 * 64..<33 * 64])
      let column = row.indices.max { row[$0] < row[$1] } ?? 0
      let found = spectrogram.firstSeconds + Double(column) * spectrogram.secondsPerColumn
      #expect(abs(found - seconds) <= spectrogram.secondsPerColumn)
    }
  }

  @Test func `silence is the logarithm of epsilon`() {
    let image = SpectrogramTransform(Spectrogram(sampleRate: 8000)).image(of: [Float](repeating: 0, count: 8000))
    #expect(image.values.allSatisfy { $0 == log(Float(0.001)) })
  }

  @Test func `frames of every rate fit`() {
    for rate in Spectrogram.sampleRates {
      let spectrogram = Spectrogram(sampleRate: rate)
      #expect((1...Spectrogram.paddedColumns - Spectrogram.columnsBefore).contains(spectrogram.frames), "\(rate) Hz")
    }
  }
}
