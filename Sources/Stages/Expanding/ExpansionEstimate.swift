import Methods

/// What an expansion will take, before it starts.
public struct ExpansionEstimate: Sendable, Equatable {
  /// Images that come out.
  public var images: Int
  /// Steps of the phases of learning and seconds of each step, by name.
  public var phases: [Phase]
  /// The networks that are trained on the samples beforehand; nil where none are.
  public var teachers: Estimate.Trajectories?
  /// Seconds of making the images, after that.
  public var makingSeconds = 0.0
  /// Decoded samples in RAM, those of the larger set included.
  public var decodedBytes: Int
  /// Decoded samples in spill files.
  public var spilledBytes: Int
  /// What computing takes beside them: maps of a batch, gradients, weights and the library.
  public var workingBytes = Int(MemoryNeed().library)

  /// Seconds of everything.
  public var seconds: Double { (teachers?.seconds ?? 0) + learningSeconds + makingSeconds }

  /// Seconds of all phases.
  public var learningSeconds: Double { phases.reduce(0) { $0 + Double($1.steps) * $1.secondsPerStep } }

  /// One phase of learning.
  public struct Phase: Sendable, Equatable {
    /// `pre-training` or `fine-tuning`.
    public var name: String
    /// Steps.
    public var steps: Int
    /// Seconds of a step.
    public var secondsPerStep: Double
  }
}
