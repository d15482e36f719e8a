public import Datasets
import Methods
public import Streaming
import Tensors

/// Images in, latents out, in the same order and under the same keys.
///
/// Holds `KoopconModel.codingChunk` samples at a time.
public struct EncodeStage: LatentStage {
  /// `encode`.
  public let name = "encode"
  private let surroundings: LatentSurroundings

  /// A stage for one model; what the stream is was checked with `LatentModelFile.check(images:)`.
  public init(_ surroundings: LatentSurroundings) { self.surroundings = surroundings }

  /// What the emitted samples are.
  public func describe(_ info: DatasetInfo, adding step: ProvenanceStep) -> DatasetInfo {
    var described = info
    described.kind = .latents
    described.shape = [surroundings.file.description.latent]
    described.normalization = nil
    described.formation = nil
    described.provenance.append(step)
    return described
  }

  /// The latents of `upstream`'s images.
  public func connect(_ upstream: Flow<Sample>, _ wiring: inout Wiring) -> Flow<Sample> {
    let file = surroundings.file
    let limits = surroundings.limits
    return inChunks(upstream, of: KoopconModel.codingChunk, name, surroundings) { samples in
      let shape = file.description.shape
      var bytes: [UInt8] = []
      for sample in samples {
        guard case .floats = sample.content else {
          let pixels = try sample.pixels(limits: limits)
          try file.check(
            imageShape: [pixels.channels, pixels.height, pixels.width], of: "sample \(sample.key)")
          bytes += pixels.planar
          continue
        }
        throw DataError(
          .badInput, at: ["sample \(sample.key)"], "expected an 8-bit image, found float values",
          remedy: "encode the original images, not a condensed set")
      }
      let latents = try file.model.latents(of: Tensor(bytes: bytes, shape: [samples.count] + shape))
      return emitted(samples, latents)
    }
  }
}

extension Pixels {
  /// The bytes channel by channel, as tensors have them.
  fileprivate var planar: [UInt8] {
    let area = height * width
    return [UInt8](unsafeUninitializedCapacity: bytes.count) { buffer, count in
      for channel in 0..<channels {
        for position in 0..<area { buffer[channel * area + position] = bytes[position * channels + channel] }
      }
      count = bytes.count
    }
  }
}
