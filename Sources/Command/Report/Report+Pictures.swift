internal import Datasets
internal import Shards

extension Report {
  /// Synthetic and real pictures side by side, class by class.
  var picturesSection: HTML {
    guard let sheets else {
      return .paragraph(
        "The dataset holds latents, which show nothing. <code>pipe decode -m MODEL -i \(typedFolder) | pipe shard -o images</code> makes "
          + "images of them, which <code>pipe report</code> shows.")
    }
    let blocks = sheets.plan.classes.map { classBlock($0, sheets) }
    return .paragraph(picturesText(sheets)) + formationText(sheets)
      + "<div class=\"classes\(sheets.real == nil && sheets.earlier == nil ? " one" : "")\">\(blocks)</div>\n"
  }

  private func picturesText(_ sheets: Sheets) -> HTML {
    let plan = sheets.plan
    var text: HTML = ""
    let isThinned = zip(manifest.countsPerClass, sheets.own.pictures).contains { $0 > $1.count && !$1.isEmpty }
    if plan.classes.count < manifest.labelNames.count {
      text +=
        "Of \(grouped(manifest.labelNames.count)) classes \(grouped(plan.classes.count)) are shown, evenly spread, with up to \(plan.perClass) \(things) each, so that this page stays small. "
    } else if isThinned {
      text += "The first \(plan.perClass) \(things) of every class are shown, so that this page stays small. "
    }
    if let real = sheets.real {
      text +=
        "Beside what the dataset holds stand \(things) of the real data \(isolated(real.name)), all at one scale"
      text += manifest.spectrogram == nil ? ". " : " and with the same colours. "
    } else {
      text +=
        "Real \(things) stand beside them with <code>pipe report \(typedFolder) --real ARCHIVE</code>. "
    }
    if let sound = manifest.spectrogram {
      text +=
        "Time runs from left to right over \(fixed(sound.clipSeconds, 1)) s, low frequencies are at the bottom, and loud is bright. "
    }
    if plan.scale == 1, manifest.shape.map({ ($0.suffix(2).max() ?? 0) > plan.side }) ?? true {
      text += "Pictures are reduced to \(plan.side) pixels along their longer side. "
    }
    if manifest.fields.contains("npy"), manifest.spectrogram == nil {
      text += "Pixels are floats, which are cut to black and white here where they go beyond. "
    }
    return text
  }

  /// What a stored image with a formation is, and an example.
  private func formationText(_ sheets: Sheets) -> HTML {
    guard let formation = manifest.formation, tiles > 1, let example = sheets.example else { return .none }
    let cut =
      switch formation.kind {
      case .uniform: "\(formation.factor) by \(formation.factor) tiles"
      case .multi:
        "tiles at \(formation.factor) scales, from the whole image to \(formation.factor) by \(formation.factor)"
      case .time: "\(formation.factor) pieces along the time axis"
      }
    let shown = thinned(Array(example.tiles.enumerated()), to: 9)
    let rest = shown.count < tiles ? "; \(shown.count) of them are shown" : ""
    return """
      <p>Each stored picture holds \(tiles) training \(things): it is cut into \(cut), and each is enlarged to the full size before training.
      The sheets show pictures as they are stored.</p>
      <div class="kinds example">
      <figure><div class="sheet" role="img" aria-label="a stored picture">\(image(example.stored, sheets))</div><figcaption>as stored</figcaption></figure>
      <figure><div class="sheet" role="img" aria-label="\(shown.count) training \(things) cut from it">\(shown.map { image($0.element, sheets) })</div>
      <figcaption>its \(tiles) training \(things)\(rest)</figcaption></figure>
      </div>

      """
  }

  private func classBlock(_ label: Int, _ sheets: Sheets) -> HTML {
    let title = manifest.labelNames[label]
    func figure(_ pictures: [Thumbnail], _ what: String, count: Int) -> HTML {
      guard !pictures.isEmpty else {
        return "<figure><p class=\"muted\">none</p><figcaption>\(what)</figcaption></figure>"
      }
      let of = count > pictures.count ? "\(pictures.count) of \(grouped(count)) \(what)" : "\(grouped(count)) \(what)"
      return """
        <figure><div class="sheet" role="img" aria-label="\(of) \(things) of class \(shortened(title, to: 120))">\(pictures.map { image($0, sheets) })</div>
        <figcaption>\(of)</figcaption></figure>
        """
    }
    let own = !isMade ? "stored" : isSelection ? "chosen" : "synthetic"
    var figures = [figure(sheets.own.pictures[label], own, count: manifest.countsPerClass[label])]
    if let real = sheets.real {
      figures.append(figure(real.pictures.pictures[label], "real", count: real.pictures.counts[label]))
    }
    if let earlier = sheets.earlier {
      figures.append(figure(earlier.pictures[label], "of the generation before", count: earlier.counts[label]))
    }
    return """
      <article class="class"><h3>\(isolated(title))</h3><div class="kinds">\(figures)</div></article>

      """
  }

  /// A picture inside of the page.
  func image(_ picture: Thumbnail, _ sheets: Sheets) -> HTML {
    // What cannot be drawn was refused when it was read.
    guard let png = try? picture.png(range: sheets.range) else { return .none }
    let (height, width) = picture.size
    let scale = sheets.plan.scale
    return
      "<img alt=\"\" title=\"\(shortened(picture.name, to: 120))\" width=\"\(width * scale)\" height=\"\(height * scale)\" src=\"\(HTML.address(ofPNG: png))\">"
  }
}
