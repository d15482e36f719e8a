public import Datasets
import Methods
public import Streaming

/// Latents in, images out, in the same order and under the same keys.
///
/// Holds `KoopconModel.codingChunk` samples at a time. Images are float values in units of [0, 1], not clamped.
public struct RenderStage: LatentStage {
  /// `decode`.
  public let name = "decode"
  private let surroundings: LatentSurroundings

  /// A stage for one model; what the stream is was checked with `LatentModelFile.check(latents:)`.
  public init(_ surroundings: LatentSurroundings) { self.surroundings = surroundings }

  /// What the emitted samples are.
  public func describe(_ info: DatasetInfo, adding step: ProvenanceStep) -> DatasetInfo {
    var described = info
    described.kind = .samples
    described.shape = surroundings.file.description.shape
    described.normalization = surroundings.file.description.normalization
    described.provenance.append(step)
    return described
  }

  /// The images of `upstream`'s latents.
  public func connect(_ upstream: Flow<Sample>, _ wiring: inout Wiring) -> Flow<Sample> {
    let file = surroundings.file
    return inChunks(upstream, of: KoopconModel.codingChunk, name, surroundings) { samples in
      try emitted(samples, file.model.images(of: latents(of: samples, file)))
    }
  }
}
