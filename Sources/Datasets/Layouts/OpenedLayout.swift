/// What a layout hands over: a description and a function that returns sample after sample.
struct OpenedLayout {
  var info: DatasetInfo
  /// The channels of every sample; 3 where grey and colour are mixed, nil where nothing is known.
  var channels: Int?
  /// The split that the data says it is; nil where it has no splits.
  var split: DatasetInfo.Split?
  /// The layout that the content turned out to have, where that is another one than the one it was recognised by.
  var layout: Layout?
  /// What the log shall say beside the layout's name.
  var notes: [String] = []
  /// What it shall say where another reading was possible.
  var doubts: [String] = []
  /// How many samples there are in each part, where several are known.
  var parts: [(name: String, count: Int)] = []
  /// The description where it is known better when the last sample was read.
  var finalInfo: () -> DatasetInfo? = { nil }
  /// What the log shall say when the last sample was read.
  var closingNotes: () -> [String] = { [] }
  /// Where the sample that was returned last stands, for messages.
  var place: () -> [String]
  /// What is left to do to a sample that `next` returned; needs nothing but the sample, and knows no place.
  var finish: (@Sendable (Sample) throws(DataError) -> Sample)?
  /// The next sample; after an error of the kind `badSample` it may be called again for the one after that.
  var next: () throws(DataError) -> Sample?
}

/// What every layout is opened with.
struct LayoutRequest {
  let container: Container
  let options: ReadOptions
  /// The name of the file or folder without its extensions; nil for standard input.
  let fileName: String?

  /// The dataset's name: the user's, the layout's own, the file's.
  func datasetName(_ own: String? = nil) -> String { options.name ?? own ?? fileName ?? "dataset" }
}

/// The key of a sample that has no other: the nine digits, or more, of its number, so that names sort as numbers do.
public func numberKey(_ number: Int) -> String {
  String(unsafeUninitializedCapacity: 20) { buffer in
    var rest = number
    var digits = 9
    while digits < 20, number >= powerOfTen(digits) { digits += 1 }
    for position in stride(from: digits - 1, through: 0, by: -1) {
      buffer[position] = UInt8(48 + rest % 10)
      rest /= 10
    }
    return digits
  }
}

private func powerOfTen(_ exponent: Int) -> Int {
  var power = 1
  for _ in 0..<min(exponent, 18) { power *= 10 }
  return power
}
