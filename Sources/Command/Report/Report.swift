internal import Datasets
internal import Shards

/// Everything that a page tells of a dataset.
struct Report {
  /// Pictures of the dataset and of what stands beside it.
  struct Sheets {
    var plan: SheetPlan
    /// The dataset's own.
    var own: ClassPictures
    /// Real ones, and what the data is called.
    var real: (name: String, pictures: ClassPictures)?
    /// Those of the generation before.
    var earlier: ClassPictures?
    /// A stored image and the training images that its formation makes of it.
    var example: (stored: Thumbnail, tiles: [Thumbnail])?
    /// Images whose neighbours are shown, in order.
    var explained: [(image: Explanation.Image, picture: Thumbnail)] = []
    /// What is dark and what is bright in spectrograms, the same for all.
    var range: ClosedRange<Float> = 0...1
  }

  /// The generation before.
  struct Earlier {
    var folder: String
    var manifest: Manifest
    /// Samples that both have under the same key with the same content; nil where that was not compared.
    var same: Int?
  }

  /// What `pipe evaluate --json` wrote into one file.
  struct Evaluation {
    var file: String
    var result: EvaluationResult
  }

  /// The dataset's folder as it was named.
  var folder: String
  var manifest: Manifest
  /// Nil for latents.
  var sheets: Sheets?
  var evaluations: [Evaluation] = []
  var explanation: Explanation?
  var log: ProgressLog?
  var earlier: Earlier?
  /// What stands at the end of the page as its date; nil for none.
  var date: String?

  /// The folder's name.
  var title: String { folderName(of: folder) }

  /// The folder as it is typed in a shell.
  var typedFolder: String { shellQuoted(folder.hasPrefix("-") ? "./\(folder)" : folder) }

  /// What the samples are called.
  var things: String {
    if manifest.kind == .latents { return "latents" }
    return manifest.spectrogram == nil ? "images" : "spectrograms"
  }

  /// So many of them: `1 image`, `200 images`.
  func countedThings(_ count: Int, _ kind: String = "") -> String { counted(count, kind + things.dropLast()) }

  /// Training images that a stored one gives.
  var tiles: Int { manifest.formation?.multiplicity ?? 1 }

  /// Training images in all; a hostile manifest may claim any number.
  var trainingImages: Int {
    let (product, overflow) = manifest.samples.multipliedReportingOverflow(by: tiles)
    return overflow ? .max : product
  }

  /// The step that made the samples: the last that names a method; nil for data that was only decoded.
  var making: ProvenanceStep? { manifest.provenance.making }

  /// Whether the samples are made or chosen, not the real data themselves.
  var isMade: Bool { making != nil }

  /// The method that made the samples.
  var method: String? { making?.options["method"] }

  /// The section of a page.
  struct Section {
    /// Its anchor.
    var id: String
    var title: String
    var content: HTML
  }

  /// The sections, in the order of the page.
  var sections: [Section] {
    [
      Section(id: "images", title: manifest.spectrogram == nil ? "Images" : "Spectrograms", content: picturesSection),
      Section(id: "accuracy", title: "Accuracy", content: accuracySection),
      Section(id: "classes", title: "Accuracy by class", content: classesSection),
      Section(id: "confusion", title: "Confusion", content: confusionSection),
      Section(id: "curves", title: "Curves", content: curvesSection),
      Section(id: "nearest", title: "Nearest real images", content: nearestSection),
      Section(id: "changes", title: "What changed", content: changesSection),
      Section(id: "load", title: "Load it", content: loadingSection),
      Section(id: "history", title: "How it was made", content: historySection),
      Section(id: "files", title: "Files", content: filesSection),
    ]
  }

  /// The page: one file without scripts and without anything from elsewhere.
  var page: HTML {
    let links = sections.map { "<li><a href=\"#\($0.id)\">\($0.title)</a></li>" as HTML }
    let bodies = sections.map { section -> HTML in
      """
      <section id="\(section.id)" aria-labelledby="\(section.id)-title"><h2 id="\(section.id)-title">\(section.title)</h2>
      \(section.content)</section>

      """
    }
    let dated = date.map { "\($0). " as HTML } ?? .none
    return """
      <!DOCTYPE html>
      <html lang="en">
      <head>
      <meta charset="utf-8">
      <meta name="viewport" content="width=device-width, initial-scale=1">
      <meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
      <meta name="color-scheme" content="light dark">
      <title>\(shortened(title, to: 120)): dataset report</title>
      <style>\(Self.style(scale: sheets?.plan.scale ?? 1))</style>
      </head>
      <body>
      <header>
      <h1>\(isolated(title))</h1>
      \(lead)\(facts)</header>
      <nav aria-label="Sections"><ul>\(links)</ul></nav>
      <main>
      \(bodies)</main>
      <footer><p>\(dated)Written by <code>pipe report</code>, \(toolVersion). Generation <code>\(manifest.generation)</code>.</p></footer>
      </body>
      </html>

      """
  }
}
