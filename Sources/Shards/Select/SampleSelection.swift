public import Datasets

/// Which stored samples of a dataset are read: some classes, the first of each class, the first in all.
public struct SampleSelection: Sendable, Equatable {
  /// The classes whose samples are read.
  public var classes: ClassSelection
  /// The most samples of each class, the first ones in reading order; nil for no limit.
  public var perClass: Int?
  /// Of each class not the first samples but the easiest ones; nil for the first.
  public var easiest: EasyImages?
  /// The most samples in all, the first ones of those that the rest selects; nil for no limit.
  public var take: Int?

  /// A selection; see the properties.
  public init(classes: ClassSelection, perClass: Int? = nil, easiest: EasyImages? = nil, take: Int? = nil) {
    self.classes = classes
    self.perClass = perClass
    self.easiest = easiest
    self.take = take
  }

  /// The description of the samples that are selected.
  ///
  /// Counts are known before the first sample but for `take`, which the order of the samples decides.
  func applied(to info: DatasetInfo) -> DatasetInfo {
    var info = classes.applied(to: info)
    if let perClass { info.countPerClass = info.countPerClass?.map { min($0, perClass) } }
    if let take, info.countPerClass.map({ $0.reduce(0, +) > take }) ?? true { info.countPerClass = nil }
    return info
  }
}
