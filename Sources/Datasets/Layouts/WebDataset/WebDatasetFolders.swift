extension WebDataset {
  /// What is found in the folders of samples.
  private struct Folders {
    var tallies: [[String]: FileTally] = [:]
    /// Two different labels of each at the most, which are enough to see that it is not one class.
    var labels: [[String]: Set<WebDatasetLabel>] = [:]
  }

  /// Refuses samples whose labels stand in json alone, and that lie in folders which would be their classes and say something else.
  ///
  /// Image folders with metadata beside every image look the same: `ant/0.jpg` and `ant/0.json` with `{"class": "photo"}`.
  static func refuseOtherFolders(
    than names: WebDatasetNames, in container: Container, _ options: ReadOptions
  ) throws(DataError) {
    guard options.layout == nil, options.labelField.isEmpty, options.imageFields.isEmpty,
      names.labelField.lastPart == "json", let key = names.labelKeys.last,
      let found = try folders(of: container, names), let classes = classes(found, container.name)
    else { return }
    // Folders of mere numbers are how large sets are stored.
    guard classes.classNames.contains(where: { $0.contains(where: \.isLetter) }), !areOneToOne(found, classes) else {
      return
    }
    let labels = Set(found.labels.values.flatMap { $0 }.map(\.text)).sorted()
    throw DataError(
      .badInput, at: [container.name],
      "it can be read in two ways: the classes may be its folders \(someOf(classes.classNames)), or what “\(key)” says in the \(names.labelField) beside each image, such as \(someOf(Array(labels.prefix(4))))",
      remedy: "choose the folders with --layout image-folder, or the \(names.labelField) with --layout webdataset")
  }

  /// The folders of all samples; nil where a sample is in none.
  private static func folders(of container: Container, _ names: WebDatasetNames) throws(DataError) -> Folders? {
    var found = Folders()
    let reader = try container.open(last: false)
    while let member = try reader.next() {
      guard let (key, field) = names.parts(of: member.path) else { continue }
      let isImage = names.isImage(field) || names.isArray(field)
      guard isImage || field == names.labelField else { continue }
      let folder = Array(key.split(separator: "/").dropLast().map(String.init))
      if folder.isEmpty { return nil }
      if isImage {
        found.tallies[folder, default: FileTally()].add(member.basename, [])
      } else if found.labels[folder, default: []].count < 2, let label = try label(in: reader, names) {
        found.labels[folder, default: []].insert(label)
      }
    }
    return found
  }

  /// The label in the member that the reader is at; nil for a bad one.
  private static func label(in reader: MemberReader, _ names: WebDatasetNames) throws(DataError) -> WebDatasetLabel? {
    do throws(DataError) {
      return try WebDatasetLabel(try reader.readAll(), keys: names.labelKeys, place: reader.place)
    } catch  where error.fault == .badSample {
      return nil
    }
  }

  /// The classes that the folders would be; nil where they would be fewer than two.
  private static func classes(_ found: Folders, _ name: String) -> FolderStructure? {
    do throws(DataError) {
      let structure = try FolderStructure(found.tallies, of: "image", name: name)
      return structure.classNames.count > 1 ? structure : nil
    } catch {
      return nil
    }
  }

  /// Whether every class has one label, and every label is of one class.
  private static func areOneToOne(_ found: Folders, _ classes: FolderStructure) -> Bool {
    var (there, back): ([String: WebDatasetLabel], [WebDatasetLabel: String]) = ([:], [:])
    for (folder, labels) in found.labels {
      guard let name = classes.className(of: folder) else { continue }
      for label in labels {
        guard there.updateValue(label, forKey: name).map({ $0 == label }) ?? true,
          back.updateValue(name, forKey: label).map({ $0 == name }) ?? true
        else { return false }
      }
    }
    return true
  }
}

extension WebDatasetLabel {
  /// As messages show it.
  fileprivate var text: String {
    switch self {
    case .index(let index): String(index)
    case .name(let name): name
    }
  }
}
