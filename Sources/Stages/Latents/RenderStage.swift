public import Datasets
import Methods
public import Streaming
import Synchronization
import Tensors

/// Latents in, images out, in the same order and under the same keys; where they are the tiles of a formation, one image for
/// so many latents of a class, under new keys.
///
/// Holds `KoopconModel.codingChunk` samples at a time, of tiles those of a class. Images are float values in units of [0, 1], not
/// clamped.
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
    if let formation = surroundings.formation {
      described.formation = formation
      described.countPerClass = surroundings.file.description.condensedPerClass.map { $0 / formation.finest.count }
    }
    described.provenance.append(step)
    return described
  }

  /// The images of `upstream`'s latents.
  public func connect(_ upstream: Flow<Sample>, _ wiring: inout Wiring) -> Flow<Sample> {
    let file = surroundings.file
    if let formation = surroundings.formation { return tiled(upstream, by: formation, file) }
    return inChunks(upstream, of: KoopconModel.codingChunk, name, surroundings) { samples in
      try emitted(samples, file.model.images(of: latents(of: samples, file)))
    }
  }

  /// The images whose tiles the latents of each class are, which arrive class by class.
  private func tiled(_ upstream: Flow<Sample>, by formation: Formation, _ file: LatentModelFile) -> Flow<Sample> {
    let left = Mutex(file.description.condensedPerClass[...])
    let made = Mutex(0)
    let classes = Flow<[Sample]> { () async throws(PipelineError) -> [Sample]? in
      guard let count = left.withLock({ left in left.drop { $0 == 0 }.first }) else {
        return try await upstream.next().map { [$0] }
      }
      left.withLock { left in left = left.drop { $0 == 0 }.dropFirst() }
      var samples: [Sample] = []
      while samples.count < count, let sample = try await upstream.next() { samples.append(sample) }
      return samples.isEmpty ? nil : samples
    }
    return flattened(classes, name, on: surroundings.computeThread) { samples in
      let label = samples[0].label
      let wanted = file.description.condensedPerClass[label]
      guard samples.count == wanted, samples.allSatisfy({ $0.label == label }) else {
        throw DataError(
          .badInput, at: ["class \(file.description.classNames[label])"],
          "expected the \(wanted) latents of its tiles one after the other, found others",
          remedy: "decode what pipe condense -m writes, whole and in its order")
      }
      let stored = try file.model.images(of: latents(of: samples, file), formation: formation)
      let first = made.withLock { made in
        defer { made += stored.shape[0] }
        return made
      }
      let heads = (0..<stored.shape[0]).map { place in
        Sample(key: numberKey(first + place), content: samples[place].content, label: label)
      }
      return emitted(heads, stored)
    }
  }
}
