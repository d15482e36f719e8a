public import Datasets
import Methods
public import Streaming
import Shards
import Synchronization
import Tensors

/// Images in, latents out, in the same order and under the same keys.
///
/// Holds `KoopconModel.codingChunk` samples at a time.
public struct EncodeStage: LatentStage {
  /// `encode`.
  public let name = "encode"
  private let surroundings: LatentSurroundings
  private let seen: SeenImages

  /// A stage for one model; what the stream is was checked with `LatentModelFile.check(images:)`.
  public init(_ surroundings: LatentSurroundings) {
    self.surroundings = surroundings
    seen = SeenImages(classNames: surroundings.file.description.classNames)
  }

  /// What the emitted samples are; asked again after the last of them, also of which images they are.
  public func describe(_ info: DatasetInfo, adding step: ProvenanceStep) -> DatasetInfo {
    var described = info
    described.kind = .latents
    described.shape = [surroundings.file.description.latent]
    described.normalization = nil
    described.formation = nil
    described.mirror = surroundings.file.description.mirror ?? info.mirror
    var step = step
    step.digests["source"] = seen.digest
    described.provenance.append(step)
    return described
  }

  /// The latents of `upstream`'s images.
  public func connect(_ upstream: Flow<Sample>, _ wiring: inout Wiring) -> Flow<Sample> {
    let file = surroundings.file
    let (limits, seen) = (surroundings.limits, seen)
    return inChunks(upstream, of: KoopconModel.codingChunk, name, surroundings) { samples in
      let shape = file.description.shape
      var bytes: [UInt8] = []
      for sample in samples {
        guard case .floats = sample.content else {
          let pixels = try sample.pixels(limits: limits)
          try file.check(
            imageShape: [pixels.channels, pixels.height, pixels.width], of: "sample \(sample.key)")
          let planes = pixels.planar
          seen.add(planes, label: sample.label, shape)
          bytes += planes
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

/// The digest of the images that were encoded, as `ClassStore` has it of those that a model is fitted to.
private final class SeenImages: Sendable {
  private struct State {
    var digest: SetDigest
    var count = 0
    var result: String?
  }
  private let state: Mutex<State>

  init(classNames: [String]) { state = Mutex(State(digest: SetDigest(classNames: classNames))) }

  func add(_ planes: [UInt8], label: Int, _ shape: [Int]) {
    state.withLock { state in
      if state.count == 0 {
        state.digest.begin(ImageShape(channels: shape[0], height: shape[1], width: shape[2]), isSpectrogram: false)
      }
      state.count += 1
      planes.withUnsafeBytes { state.digest.add($0, label: label) }
    }
  }

  /// Of all images, nil before the first; after it was asked for there must not come more.
  var digest: String? {
    state.withLock { state in
      if state.result == nil, state.count > 0 { state.result = state.digest.finish() }
      return state.result
    }
  }
}
