public import Datasets
import Methods
public import Streaming
import Synchronization
import Tensors

/// Where the tensors of the latent stages live: the model, and the thread that computes.
public struct LatentSurroundings: Sendable {
  /// The model.
  public var file: LatentModelFile
  /// The thread that all tensors live on.
  public var computeThread: BlockingThread
  /// Bounds on images.
  public var limits = Limits()
  /// What decoded images are tiles of; nil where each is an image of its own.
  public var formation: Formation?
  /// Asked when the last sample was read, where the samples have to be those of the fit; throws where they are not.
  public var atEnd: @Sendable () throws(DataError) -> Void = { () throws(DataError) in }

  /// Surroundings with default bounds.
  public init(_ file: LatentModelFile, computeThread: BlockingThread) {
    self.file = file
    self.computeThread = computeThread
  }
}

/// A step of the latent pipeline.
public protocol LatentStage: Stage where Input == Sample, Output == Sample {
  /// A stage for one model; what the stream is was checked with `LatentModelFile.check`.
  init(_ surroundings: LatentSurroundings)

  /// What the emitted samples are, where the taken ones are `info`.
  func describe(_ info: DatasetInfo, adding step: ProvenanceStep) -> DatasetInfo
}

// MARK: Chunks on the compute thread

/// `body` of so many samples at a time, run on the compute thread; the last chunk may be smaller.
func inChunks(
  _ upstream: Flow<Sample>, of count: Int, _ name: String, _ surroundings: LatentSurroundings,
  _ body: @escaping @Sendable ([Sample]) throws -> [Sample]
) -> Flow<Sample> {
  let chunks = Flow<[Sample]> { () async throws(PipelineError) -> [Sample]? in
    var chunk: [Sample] = []
    while chunk.count < count, let sample = try await upstream.next() { chunk.append(sample) }
    return chunk.isEmpty ? nil : chunk
  }
  return flattened(chunks, name, on: surroundings.computeThread, body)
}

/// The samples that `body` makes of each chunk, one by one; memory that the system did not give is told as what it is.
func flattened(
  _ chunks: Flow<[Sample]>, _ name: String, on thread: BlockingThread,
  _ body: @escaping @Sendable ([Sample]) throws -> [Sample]
) -> Flow<Sample> {
  let ready = Mutex<ArraySlice<Sample>>([])
  return Flow { () async throws(PipelineError) -> Sample? in
    if let sample = ready.withLock({ $0.popFirst() }) { return sample }
    guard let chunk = try await chunks.next() else { return nil }
    let result: Result<[Sample], any Error> = await thread.run { Result { try body(chunk) } }
    do {
      let samples = try result.get()
      return ready.withLock { ready in
        ready = samples[...]
        return ready.popFirst()
      }
    } catch {
      throw PipelineError(stage: name, underlying: forgivingMemory(error, for: .passing))
    }
  }
}

/// The samples with the rows of a tensor as their content; what belonged to their pixels is left out.
func emitted(_ samples: [Sample], _ rows: Tensor) -> [Sample] {
  let shape = Array(rows.shape.dropFirst())
  let size = shape.reduce(1, *)
  let values = rows.floats()
  return samples.enumerated().map { place, sample in
    var sample = sample
    sample.content = .floats(FloatArray(shape: shape, values: Array(values[place * size..<(place + 1) * size])))
    return sample
  }
}

/// The latents of samples as one tensor, (n, d).
func latents(of samples: [Sample], _ file: LatentModelFile) throws(DataError) -> Tensor {
  var values: [Float] = []
  for sample in samples { values += try sample.latent(file).values }
  return Tensor(values, shape: [samples.count, file.description.latent])
}

extension Sample {
  /// The latent, checked against the model.
  func latent(_ file: LatentModelFile) throws(DataError) -> FloatArray {
    guard case .floats(let array) = content else {
      throw DataError(.badInput, at: ["sample \(key)"], "shows an image, where a latent is expected")
    }
    try file.check(latentShape: array.shape, of: "sample \(key)")
    guard array.values.allSatisfy(\.isFinite) else {
      throw DataError(
        .badInput, at: ["sample \(key)"], "has a latent with values that are NaN or infinite",
        remedy: "look at what made it: every value must be finite")
    }
    return array
  }
}
