internal import Datasets

/// Classes of one dataset, as they are typed: by name, or by index where no class has that name.
struct ClassWords {
  private let names: [String]
  private let place: String

  /// The classes of the dataset in a folder.
  init(_ info: DatasetInfo, in place: String) {
    names = info.classNames
    self.place = place
  }

  /// The indices that lists of words separated by commas mean; a list that is the name of a class is one word.
  ///
  /// `log` is told where a number is a class's name and another one's index.
  ///
  /// - Throws: `DataError` (`.badInput`) for a class that there is not.
  func indices(of lists: [String], log: (String) -> Void) throws(DataError) -> Set<Int> {
    var found: Set<Int> = []
    for list in lists {
      let words =
        names.contains(list) ? [list] : list.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
      for word in words { found.formUnion(try indices(of: word, log)) }
    }
    return found
  }

  private func indices(of word: String, _ log: (String) -> Void) throws(DataError) -> [Int] {
    let named = names.indices.filter { names[$0] == word }
    let index = Int(word).flatMap { names.indices.contains($0) ? $0 : nil }
    guard let first = named.first else {
      // Where all classes are numbers, a number that is not among them is a mistake, not an index.
      if let index, word == String(index), !names.allSatisfy({ Int($0) != nil }) { return [index] }
      let near = nearest(to: word, among: names).map { "did you mean \(quoted($0))?" }
      let known = names.prefix(20).joined(separator: ", ") + (names.count > 20 ? ", …" : "")
      throw DataError(
        .badInput, at: [place], "has no class \(quoted(word))", remedy: near ?? "its classes are \(known)")
    }
    if let index, index != first {
      log(
        "\(quoted(word)) is the name of class \(first), and is read as that; class \(index) is \(quoted(names[index]))")
    }
    return named
  }
}
