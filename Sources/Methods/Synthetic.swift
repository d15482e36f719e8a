public import Datasets
public import Tensors

/// A condensed set: images in class order with their labels, and how to read them.
public struct Synthetic: Sendable {
  /// float32 (n, C, H, W), un-normalised: 0 is black and 1 is white, unless they are spectrograms; optimised values may lie outside.
  public var images: Tensor
  /// The class of each image, ascending.
  public var labels: [Int]
  /// The rule by which stored images become training images.
  public var formation: Formation
  /// For selections, the place of each image in the real set; its pixels there are the image, exactly.
  public var sources: [SourceImage]?
  /// Class probabilities (n, classes) in place of labels, where a method learns them.
  public var softLabels: Tensor?

  /// A set; see the properties.
  public init(
    images: Tensor, labels: [Int], formation: Formation = Formation(factor: 1), sources: [SourceImage]? = nil,
    softLabels: Tensor? = nil
  ) {
    precondition(
      images.rank == 4 && images.shape[0] == labels.count,
      "\(labels.count) labels do not describe images of shape \(images.shape)")
    self.images = images
    self.labels = labels
    self.formation = formation
    self.sources = sources
    self.softLabels = softLabels
  }
}

/// The place of one image in the real set.
public struct SourceImage: Sendable, Equatable {
  /// Its class.
  public var label: Int
  /// Its index within the class.
  public var index: Int

  /// The image number `index` of class `label`.
  public init(label: Int, index: Int) {
    self.label = label
    self.index = index
  }
}

/// What a method returns: the set and how far the run went.
public struct Condensation: Sendable {
  /// The condensed set.
  public var synthetic: Synthetic
  /// Steps completed; fewer than asked for when the run was stopped.
  ///
  /// Asking for this many gives the same bytes.
  public var steps: Int
  /// The report of the last step, if there was one.
  public var lastReport: StepReport?
  /// The images before the first step; nil where no images are learned.
  public var initial: Synthetic?

  /// A result; see the properties.
  public init(synthetic: Synthetic, steps: Int, lastReport: StepReport? = nil, initial: Synthetic? = nil) {
    self.synthetic = synthetic
    self.steps = steps
    self.lastReport = lastReport
    self.initial = initial
  }
}

/// Images per class, checked against the real set: the same number for all, or a table.
///
/// A class with 0 is left out, which is also how one machine takes its part of the classes.
public func imagesPerClass(_ table: [Int], of real: some RealImages) -> [Int] {
  precondition(
    table.count == real.classCount && table.allSatisfy { $0 >= 0 },
    "the table of images per class has \(table.count) entries for \(real.classCount) classes")
  for (label, count) in table.enumerated() where count > 0 {
    precondition(real.count(ofClass: label) > 0, "class \(label) has no real images to condense")
  }
  return table
}
