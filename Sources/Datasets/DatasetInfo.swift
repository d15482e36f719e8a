/// What is true of a dataset as a whole; travels in the wire's header and in the manifest.
///
/// Unknown keys are ignored when it is read, so that later minor versions can add some.
public struct DatasetInfo: Sendable, Equatable, Codable {
  /// What the samples are.
  public enum Kind: String, Sendable, Codable {
    case samples, latents

    /// So many of them: `1 sample`, `60,000 latents`.
    public func counted(_ number: Int) -> String { Datasets.counted(number, String(rawValue.dropLast())) }
  }
  /// What a label says.
  public enum LabelKind: String, Sendable, Codable {
    case hard, probability, logit
  }
  /// Training or test split.
  public enum Split: String, Sendable, Codable, CaseIterable {
    case train, test
  }

  /// Short name, `[A-Za-z0-9_-]+`: `cifar10`, or the archive's own.
  public var name: String
  /// Images or latents.
  public var kind: Kind
  /// Which split this is.
  public var split: Split
  /// Class names in index order.
  public var classNames: [String]
  /// C×H×W where all samples agree, else nil (a folder of photographs that was not resized).
  public var shape: [Int]?
  /// Per-channel mean and standard deviation with which a trainer normalises pixels of range [0, 1], or spectrograms.
  public var normalization: Normalization?
  /// How the samples were made from sound; nil for images.
  public var spectrogram: Spectrogram?
  /// Whether an image keeps its class when left and right are exchanged; nil where nobody said, see `keepsClassesMirrored`.
  public var mirror: Bool?
  /// What a trainer must do to each image before training; nil for nothing.
  public var formation: Formation?
  /// Learning rate learned with the images, where there is one.
  public var learnedLearningRate: Double?
  /// Hard labels unless said.
  public var labelKind: LabelKind
  /// Samples per class in index order, where it is known before the last sample.
  public var countPerClass: [Int]?
  /// How the data came to be, oldest step first.
  public var provenance: [ProvenanceStep]

  /// Makes the description of a dataset.
  public init(
    name: String, kind: Kind = .samples, split: Split = .train, classNames: [String], shape: [Int]? = nil,
    normalization: Normalization? = nil, spectrogram: Spectrogram? = nil, mirror: Bool? = nil,
    formation: Formation? = nil, learnedLearningRate: Double? = nil, labelKind: LabelKind = .hard,
    countPerClass: [Int]? = nil,
    provenance: [ProvenanceStep] = []
  ) {
    self.name = name
    self.kind = kind
    self.split = split
    self.classNames = classNames
    self.shape = shape
    self.normalization = normalization
    self.spectrogram = spectrogram
    self.mirror = mirror
    self.formation = formation
    self.learnedLearningRate = learnedLearningRate
    self.labelKind = labelKind
    self.countPerClass = countPerClass
    self.provenance = provenance
  }
}

extension DatasetInfo {
  /// Whether images of so many channels are mirrored when networks are trained on them: as was said, otherwise colour ones alone, because
  /// grey ones are digits and letters as a rule.
  public func keepsClassesMirrored(channels: Int) -> Bool { mirror ?? (channels > 1) }

  /// The same where the shape is known; in colour otherwise.
  public var isMirrored: Bool { keepsClassesMirrored(channels: shape?.first ?? 3) }

  /// The most samples that a class may be said to have, and the most values that a sample may be said to have.
  private static let maxCount = Int(Int32.max)

  /// Refuses numbers that no dataset has.
  ///
  /// A description that comes from elsewhere is added up and multiplied long before a sample contradicts it.
  ///
  /// - Throws: `DataError` (`.badInput`) at that place.
  public func check(at place: [String]) throws(DataError) {
    func refuse(_ problem: String) -> DataError {
      DataError(.badInput, at: place, problem, remedy: "it is damaged or not written by pipe: make it again")
    }
    if let counts = countPerClass {
      guard counts.count == classNames.count else {
        throw refuse("counts samples of \(counted(counts.count, "class")), and names \(classNames.count)")
      }
      for (name, count) in zip(classNames, counts) where !(0...Self.maxCount).contains(count) {
        throw refuse("counts \(count) samples of class \(name); 0 to \(grouped(Self.maxCount)) are possible")
      }
    }
    if let shape {
      var values = 1
      for extent in shape {
        let (product, overflow) = values.multipliedReportingOverflow(by: extent)
        guard extent >= 1, !overflow, product <= Self.maxCount else {
          throw refuse(
            "gives samples the shape \(shapeText(shape)); extents are at least 1, and a "
              + "sample has at most \(grouped(Self.maxCount)) values")
        }
        values = product
      }
    }
    if let spectrogram {
      let steps = [spectrogram.hertzPerRow, spectrogram.secondsPerColumn, Double(spectrogram.sampleRate)]
      guard kind == .samples, shape?.count ?? 3 == 3, steps.allSatisfy({ $0 > 0 }) else {
        throw refuse("has spectrograms that cannot be mapped to hertz and seconds, or are not images")
      }
    }
    if let normalization {
      let (mean, std) = (normalization.mean, normalization.std)
      let channels = kind == .samples && shape?.count == 3 ? shape?[0] : nil
      guard !mean.isEmpty, mean.count == std.count, mean.count == channels ?? mean.count, mean.allSatisfy(\.isFinite),
        std.allSatisfy({ $0.isFinite && $0 > 0 })
      else {
        throw refuse(
          "normalises with the means \(mean) and the deviations \(std); there is one of each for a channel, and no deviation is 0"
        )
      }
    }
    if let formation, !(1...Formation.maxFactor).contains(formation.factor) {
      throw refuse("has a formation of \(formation.size); 1 to \(grouped(Formation.maxFactor)) are possible")
    }
  }
}

/// Per-channel constants: a network sees (value − mean) / std, where a value is an 8-bit pixel divided by 255, or a float as it is.
public struct Normalization: Sendable, Equatable, Codable {
  /// One mean per channel.
  public var mean: [Float]
  /// One standard deviation per channel, over all pixels of the training split.
  public var std: [Float]

  /// Constants; see the properties.
  public init(mean: [Float], std: [Float]) {
    self.mean = mean
    self.std = std
  }
}

/// One step of a dataset's history.
public struct ProvenanceStep: Sendable, Equatable, Codable {
  /// The verb: `decode`, `condense`.
  public var verb: String
  /// The tool and its version: `pipe 1.0.0`.
  public var tool: String
  /// Every option as it was in force, typed or default; names without dashes.
  public var options: [String: String]
  /// SHA-256 of every input and model, by role: `source`, `model`.
  public var digests: [String: String]
  /// What was measured of the result, by name: `accuracy`, `initial-accuracy`, `random-accuracy`, `held-out-images`; nil where nothing was.
  public var results: [String: Double]?
  /// Samples of the input that could not be read and were left out; nil where there were none.
  public var skipped: BadSamples?
  /// Classes whose images an earlier run had made and that were taken from there; nil where all were made.
  public var reused: [String]?
  /// Of a merge: what the history of each part has after the steps that all have in common; nil where no part has any.
  public var parts: [[ProvenanceStep]]?

  /// Makes a step.
  public init(
    verb: String, tool: String, options: [String: String] = [:], digests: [String: String] = [:],
    results: [String: Double]? = nil, skipped: BadSamples? = nil, parts: [[ProvenanceStep]]? = nil,
    reused: [String]? = nil
  ) {
    self.reused = reused
    self.parts = parts
    self.results = results
    self.skipped = skipped
    self.verb = verb
    self.tool = tool
    self.options = options
    self.digests = digests
  }
}
