/// Images of one shape, in the order of their labels, as the layouts of arrays find them.
struct LabelledImages {
  /// C×H×W.
  var shape: [Int]
  /// Class indices; as many as there are images.
  var labels: [Int]
  /// In index order; nil where the labels are only numbers.
  var classNames: [String]?
  /// See `DatasetInfo`.
  var mirror: Bool?
  var split: DatasetInfo.Split?
  /// The dataset's own name, where the data says it.
  var name: String?
  var notes: [String] = []
  /// What may be read in another way.
  var doubts: [String] = []
  var closingNotes: () -> [String] = { [] }
  /// What messages call the file of the images.
  var place: [String]
  /// Called once for every index, in order.
  var image: (Int) throws(DataError) -> Content
  /// Called after the last image: whether the input ends where it should.
  var finish: () throws(DataError) -> Void

  /// Throws `badInput` unless there is one label for each image.
  static func check(_ images: Int, _ labels: Int, at place: [String]) throws(DataError) {
    guard images != labels else { return }
    let excess = images > labels ? "an image without a label" : "a label without an image"
    throw DataError(
      .badInput, at: place,
      "\(counted(images, "image")) but \(counted(labels, "label")): number \(grouped(min(images, labels) + 1)) is \(excess)",
      remedy: Remedy.pairUp)
  }

  /// Throws `badInput` for an image without pixels and for one with too many.
  static func check(height: Int, width: Int, _ limits: Limits, at place: [String]) throws(DataError) {
    guard height > 0, width > 0, height <= limits.maxPixels / width else {
      throw DataError(
        .badInput, at: place,
        "images of \(grouped(height))×\(grouped(width)); 1 to \(grouped(limits.maxPixels)) pixels are allowed")
    }
  }

  /// The opened layout; its keys are the images' numbers.
  ///
  /// Throws `badInput` for labels that no class has.
  func opened(_ request: LayoutRequest) throws(DataError) -> OpenedLayout {
    for (index, label) in labels.enumerated() where !(0..<maxClasses).contains(label) {
      throw DataError(
        .badInput, at: place,
        "label \(grouped(index + 1)) is \(label), which is out of range: at most \(grouped(maxClasses)) classes are read",
        remedy: "number the classes from 0 to \(grouped(maxClasses - 1))")
    }
    let classes = max(classNames?.count ?? 0, (labels.max() ?? -1) + 1)
    if let classNames, classes > classNames.count {
      throw DataError(
        .badInput, at: place, "label \(classes - 1), but there are only the labels 0 to \(classNames.count - 1)",
        remedy: Remedy.nameAll)
    }
    var counts = [Int](repeating: 0, count: classes)
    for label in labels { counts[label] += 1 }
    let info = DatasetInfo(
      name: request.datasetName(name.flatMap(datasetName(_:))), split: split ?? request.options.split,
      classNames: classNames ?? (0..<classes).map(String.init), shape: shape, mirror: mirror,
      countPerClass: counts)
    let (labels, image, finish, place) = (labels, image, finish, place)
    var index = 0
    return OpenedLayout(
      info: info, channels: shape[0], split: split, notes: notes,
      doubts: doubts + (classNames == nil ? startingNotes(counts) : []),
      closingNotes: closingNotes,
      place: { place + ["image \(grouped(index))"] }
    ) { () throws(DataError) in
      guard index < labels.count else {
        if index == labels.count {
          index += 1
          try finish()
        }
        return nil
      }
      let content = try image(index)
      defer { index += 1 }
      return Sample(key: numberKey(index), content: content, label: labels[index])
    }
  }
}

/// What to say of labels that count from 1; nothing of others.
func startingNotes(_ countPerClass: [Int]) -> [String] {
  guard countPerClass.count > 1, countPerClass[0] == 0, countPerClass[1] > 0 else { return [] }
  return ["the labels start at 1; class 0 has no images and keeps its index (condense it with --ipc '0=0,*=N')"]
}
