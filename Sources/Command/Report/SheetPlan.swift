/// How many pictures a page shows of how many classes, so that it stays small whatever the dataset is.
struct SheetPlan: Equatable {
  /// The classes that are shown, evenly spread over all.
  var classes: [Int]
  /// Pictures of each class, of each kind, at most.
  var perClass: Int
  /// Pixels along the longer side of a picture at most.
  var side: Int
  /// How many times a pixel is enlarged by the page.
  var scale: Int
  /// Uncompressed bytes of a picture at most.
  private var pictureBytes: Int

  /// Uncompressed bytes of all pictures of the sheets; noise does not compress.
  static let budget = 4 << 20
  /// Classes that are shown at most.
  static let mostClasses = 100
  /// Pixels along the longer side at most.
  static let mostSide = 96
  /// Pixels that a small picture is enlarged to.
  private static let shownSide = 64

  /// - Parameters:
  ///   - classCount: classes of the dataset.
  ///   - kinds: rows of pictures for each class: its own, real ones, earlier ones.
  ///   - shape: C×H×W of the samples; nil where they differ.
  ///   - isColoured: whether pictures are drawn in colour whatever they hold.
  ///   - perClass: pictures of each class that are wanted.
  init(classCount: Int, kinds: Int, shape: [Int]?, isColoured: Bool, perClass wanted: Int) {
    let sides = shape?.suffix(2) ?? [Self.mostSide, Self.mostSide]
    let longest = max(sides.max() ?? 1, 1)
    let side = min(longest, Self.mostSide)
    let reduced = sides.map { max(1, $0 * side / longest) }
    self.side = side
    scale = max(1, Self.shownSide / longest)
    pictureBytes = reduced.reduce(isColoured || shape?.first != 1 ? 3 : 1, *)
    perClass = max(1, wanted)
    var shown = min(classCount, Self.mostClasses)
    while shown * perClass * kinds * pictureBytes > Self.budget, perClass > 1 || shown > 1 {
      if perClass > 4 || shown == 1 { perClass = max(1, perClass / 2) } else { shown = max(1, shown * 3 / 4) }
    }
    classes = thinned(Array(0..<classCount), to: shown)
  }

  /// Pictures of each class to keep.
  func wanted(classCount: Int) -> [Int] {
    var wanted = Array(repeating: 0, count: classCount)
    for place in classes { wanted[place] = perClass }
    return wanted
  }

  /// Rows of `pictures` pictures each, beside the sheets, of which there are 24 at most.
  func rows(ofPictures pictures: Int) -> Int { max(1, min(24, Self.budget / 4 / (pictures * pictureBytes))) }
}
