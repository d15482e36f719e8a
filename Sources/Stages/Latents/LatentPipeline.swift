public import Datasets
import Methods
public import Streaming

extension LatentModelFile {
  /// Encode, attend, condense and decode, one after the other, as the verbs do it in a shell pipe.
  public func condensed(
    _ upstream: Flow<Sample>, computeThread: BlockingThread, limits: Limits = Limits()
  ) -> Flow<Sample> {
    var surroundings = LatentSurroundings(self, computeThread: computeThread)
    (surroundings.limits, surroundings.formation) = (limits, description.formation)
    let stages = pipeline {
      EncodeStage(surroundings)
      AttendStage(surroundings)
      CondenseLatentsStage(surroundings)
      RenderStage(surroundings)
    }
    var wiring = Wiring()
    return stages.connect(upstream, &wiring)
  }
}

extension ClassStore {
  /// The samples as they came, in the order of the archive.
  public var samples: Flow<Sample> {
    let places = archiveOrder
    return .elements(
      places.lazy.map { place in
        Sample(
          key: self.key(ofClass: place.label, at: place.index),
          content: self.content(ofClass: place.label, at: place.index), label: place.label)
      })
  }
}
