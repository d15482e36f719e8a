public import Datasets
import Methods
public import Streaming
import Synchronization
import Tensors

/// Attended latents in, n' condensed ones of each class out.
///
/// Holds the sums alone, n'·d numbers for each class. The samples must be those that the model was fitted to, in the same order.
public struct CondenseLatentsStage: LatentStage {
  /// `condense`.
  public let name = "condense"
  private let surroundings: LatentSurroundings

  /// A stage for one model; what the stream is was checked with `LatentModelFile.check(latents:)`.
  public init(_ surroundings: LatentSurroundings) { self.surroundings = surroundings }

  /// What the emitted samples are.
  public func describe(_ info: DatasetInfo, adding step: ProvenanceStep) -> DatasetInfo {
    var described = info
    (described.labelKind, described.learnedLearningRate) = (.hard, nil)
    described.countPerClass = surroundings.file.description.condensedPerClass
    described.provenance.append(step)
    return described
  }

  /// The condensed latents, class by class.
  public func connect(_ upstream: Flow<Sample>, _ wiring: inout Wiring) -> Flow<Sample> {
    let file = surroundings.file
    let result = Mutex<ArraySlice<Sample>?>(nil)
    return Flow { () async throws(PipelineError) -> Sample? in
      if result.withLock({ $0 == nil }) {
        let samples = try await summed(upstream, file)
        result.withLock { $0 = samples[...] }
      }
      return result.withLock { $0?.popFirst() }
    }
  }

  private func summed(_ upstream: Flow<Sample>, _ file: LatentModelFile) async throws(PipelineError) -> [Sample] {
    let width = file.description.latent
    var sums = file.model.maps.map { KoopmanSum(map: $0, width: width) }
    let digests = sums.map { _ in KeyDigest() }
    func refuse(_ label: Int, _ found: String) -> PipelineError {
      PipelineError(
        stage: name,
        underlying: DataError(
          .badInput, at: ["class \(file.description.classNames[label])"],
          "\(found) the \(sums[label].columns) samples that the model was fitted to",
          remedy: "encode the data that pipe fit read, in its order, or fit a model to these"))
    }
    while let sample = try await upstream.next() {
      guard sums[sample.label].count < sums[sample.label].columns else {
        throw refuse(sample.label, "has more than")
      }
      do throws(DataError) {
        let array = try sample.latent(file)
        array.values.withUnsafeBufferPointer { sums[sample.label].add($0) }
      } catch {
        throw PipelineError(stage: name, sampleKey: sample.key, underlying: error)
      }
      digests[sample.label].add(sample.key)
    }
    for (label, sum) in sums.enumerated() where sum.count != sum.columns {
      throw refuse(label, "has \(sum.count) of")
    }
    for (label, digest) in digests.enumerated() where digest.finish() != file.description.keyDigests[label] {
      throw refuse(label, "has other keys than")
    }
    do throws(DataError) {
      try surroundings.atEnd()
    } catch {
      throw PipelineError(stage: name, underlying: error)
    }
    var samples: [Sample] = []
    for (label, sum) in sums.enumerated() {
      let values = sum.result.floats()
      for row in 0..<sum.rows {
        samples.append(
          Sample(
            key: numberKey(samples.count),
            content: .floats(FloatArray(shape: [width], values: Array(values[row * width..<(row + 1) * width]))),
            label: label))
      }
    }
    return samples
  }
}
