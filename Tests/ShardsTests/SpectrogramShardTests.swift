import Datasets
import Foundation
import Testing

@testable import Shards

@Suite struct SpectrogramShardTests {
  private let info = DatasetInfo(
    name: "tones", classNames: ["high", "low"], shape: [1, 64, 64],
    normalization: Normalization(mean: [-4.5], std: [2]),
    spectrogram: Spectrogram(sampleRate: 16000))

  /// A bright band in row 8 of even samples and in row 40 of odd ones; the values are far from 0…1.
  private var samples: [Sample] {
    (0..<4).map { index in
      var values = [Float](repeating: -6.9, count: 4096)
      let row = index % 2 == 0 ? 8 : 40
      for column in 0..<64 { values[row * 64 + column] = 3.25 }
      return Sample(
        key: "c\(index)", content: .floats(FloatArray(shape: [1, 64, 64], values: values)), label: index % 2)
    }
  }

  @Test func `wire and shards carry values and axes exactly`() throws {
    let reader = try reader(wire(samples, info: info))
    #expect(reader.info.spectrogram == info.spectrogram)
    #expect(try allSamples(reader) == samples)
    let folder = try TemporaryFolder()
    let manifest = try writeDataset(samples, in: folder, info: info)
    #expect(manifest.fields == ["npy", "cls"])
    #expect(manifest.spectrogram == info.spectrogram && manifest.valueRange == nil)
    #expect(manifest.observedRange == [-6.9, 3.25])
    let again = try DatasetReader(folder["out"])
    #expect(again.info.spectrogram == info.spectrogram && again.info.normalization == info.normalization)
    #expect(try allSamples(again) == samples)
  }

  @Test func `the manifest names the axes as the specification does`() throws {
    let folder = try TemporaryFolder()
    try writeDataset(samples, in: folder, info: info)
    let json = try #require(
      JSONSerialization.jsonObject(with: Data(folder.bytes("out/pipe.manifest"))) as? [String: Any])
    let axes = try #require(json["spectrogram"] as? [String: Any])
    #expect(
      Set(axes.keys) == [
        "sample_rate", "clip_seconds", "window", "n_fft", "hop_length", "value", "epsilon", "first_hertz",
        "hertz_per_row",
        "first_seconds", "seconds_per_column",
      ])
    #expect(axes["n_fft"] as? Int == 255 && axes["hop_length"] as? Int == 128 && axes["sample_rate"] as? Int == 16000)
    #expect(axes["seconds_per_column"] as? Double == 0.016)
  }

  @Test func `images have no axes of sound`() throws {
    let folder = try TemporaryFolder()
    let manifest = try writeDataset(examplePixels(3), in: folder)
    #expect(!manifest.json.contains("spectrogram"))
  }

  @Test func `a sound set has no 8-bit view`() throws {
    let folder = try TemporaryFolder()
    #expect(throws: DataError.self) { try writeDataset(samples, in: folder, info: info, fields: ["png", "cls"]) }
  }

  @Test func `a description that maps to no hertz is refused`() throws {
    var broken = info
    broken.spectrogram?.hertzPerRow = 0
    #expect(try failure(of: wire(samples, info: broken))?.fault == .badInput)
    broken = info
    broken.kind = .latents
    #expect(throws: DataError.self) { try broken.check(at: []) }
  }

  private final class Source: SampleSource {
    let info: DatasetInfo
    private var rest: ArraySlice<Sample>

    init(_ samples: [Sample], info: DatasetInfo) {
      self.info = info
      rest = samples[...]
    }

    func next() -> Sample? { rest.popFirst() }
  }

  @Test func `a sheet has low frequencies at the bottom, loud is brightest`() throws {
    let sheet = try contactSheet(of: Source(samples, info: info), perClass: 1, names: false)
    #expect(sheet.channels == 3 && sheet.width == 68 && sheet.height == 2 * 66 + 2)
    func pixel(_ y: Int, _ x: Int) -> [UInt8] {
      Array(sheet.bytes[3 * (y * sheet.width + x)..<3 * (y * sheet.width + x) + 3])
    }
    // The first tile begins in row 2, the second in row 68; row r of a spectrogram is row 63 − r of its picture.
    #expect(pixel(2 + 63 - 8, 30) == SpectrogramColours.table[255])
    #expect(pixel(68 + 63 - 40, 30) == SpectrogramColours.table[255])
    #expect(pixel(2 + 8, 30) == SpectrogramColours.table[0])
  }

  /// Relative luminance as WCAG defines it, from which lightness grows monotonously.
  @Test func `colours grow brighter from step to step`() {
    func luminance(_ colour: [UInt8]) -> Double {
      let linear = colour.map { value -> Double in
        let x = Double(value) / 255
        return x <= 0.04045 ? x / 12.92 : pow((x + 0.055) / 1.055, 2.4)
      }
      return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    }
    let table = SpectrogramColours.table
    #expect(table.count == 256)
    // Lightness is the cube root of luminance: even steps within what 8 bits can tell.
    let lightness = table.map { cbrt(luminance($0)) }
    for (low, high) in zip(lightness, lightness.dropFirst()) { #expect(high > low - 0.004) }
    for step in stride(from: 0, to: 240, by: 16) { #expect(lightness[step + 16] - lightness[step] > 0.02) }
  }
}
