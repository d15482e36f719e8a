internal import Datasets
internal import Glibc

/// A chart of lines over steps: inline SVG whose text is HTML around it, so that it stays readable at any width.
struct Chart {
  /// A line.
  struct Line: Equatable {
    var label: String
    var points: [Point]
  }

  /// A value at a step.
  struct Point: Equatable {
    var step: Int
    var value: Double
  }

  /// What is shown: `Loss of dm by step`.
  var title: String
  /// What is counted along the bottom: `steps`.
  var unit: String
  /// From the first to the last.
  var lines: [Line]
  /// A value that is drawn across, and what it is.
  var level: (label: String, value: Double)?
  /// Whether values are shares, shown in percent.
  var isShare = false
  /// Distinguishes it from other charts of a page.
  var id: String

  /// Points of a line that are drawn at most, and rows of its table.
  static let most = (points: 400, rows: 20)

  /// The chart with its legend and a table of its values; nothing where no line has a point.
  var html: HTML {
    let all = lines.flatMap(\.points).filter(\.value.isFinite)
    guard let lastStep = all.map(\.step).max(),
      let axis = Axis(all.map(\.value) + (level.map { [$0.value] } ?? []), isShare)
    else { return .none }
    let firstStep = min(all.map(\.step).min() ?? 0, lastStep)
    let span = Double(max(1, lastStep - firstStep))
    func place(_ point: Point) -> String {
      let x = lastStep == firstStep ? 50 : 100 * Double(point.step - firstStep) / span
      return "\(fixed(x, 2)) \(fixed(100 - 100 * axis.place(of: point.value), 2))"
    }
    var drawn: [HTML] = axis.ticks.map { tick in
      let y = fixed(100 - 100 * axis.place(of: tick), 2)
      return "<path class=\"grid\" d=\"M0 \(y)H100\"/>"
    }
    if let level {
      drawn.append("<path class=\"level\" d=\"M0 \(fixed(100 - 100 * axis.place(of: level.value), 2))H100\"/>")
    }
    for (index, line) in lines.enumerated() {
      let points = thinned(line.points, to: Self.most.points).map(place)
      // A single point is drawn as a dot: a line of no length with round ends.
      let path = points.count == 1 ? "M\(points[0])h0" : "M" + points.joined(separator: "L")
      drawn.append("<path class=\"line l\(index % 6)\" d=\"\(path)\"/>")
    }
    let labels = axis.ticks.reversed().map { tick -> HTML in
      "<span style=\"top:\(fixed(100 - 100 * axis.place(of: tick), 2))%\">\(axis.label(tick))</span>"
    }
    let svg: HTML = """
      <svg viewBox="0 0 100 100" preserveAspectRatio="none" role="img" aria-labelledby="\(id)-t \(id)-d"><title id="\(id)-t">\(title)</title>
      <desc id="\(id)-d">\(summary)</desc>\(drawn)</svg>
      """
    return """
      <figure class="chart"><figcaption>\(title)</figcaption>
      <div class="plot"><div class="scale" aria-hidden="true">\(labels)</div>\(svg)</div>
      <div class="steps" aria-hidden="true"><span>\(grouped(firstStep))</span><span>\(grouped(lastStep)) \(unit)</span></div>
      \(legend(axis))\(table(axis))</figure>

      """
  }

  /// What the lines show, in words.
  private var summary: String {
    lines.compactMap { line in
      guard let first = line.points.first, let last = line.points.last else { return nil }
      let axis = Axis([first.value, last.value], isShare)
      func text(_ value: Double) -> String { axis?.text(value) ?? "\(value)" }
      return line.points.count == 1
        ? "\(line.label): \(text(last.value)) at \(grouped(last.step)) \(unit)."
        : "\(line.label): from \(text(first.value)) at \(grouped(first.step)) to \(text(last.value)) at \(grouped(last.step)) \(unit)."
    }.joined(separator: " ")
  }

  private func legend(_ axis: Axis) -> HTML {
    var entries = lines.enumerated().map { index, line -> HTML in
      let last = line.points.last.map { ", at last \(axis.text($0.value))" } ?? ""
      return "<li><span class=\"key l\(index % 6)\"></span>\(isolated(line.label))\(last)</li>"
    }
    if let level {
      entries.append("<li><span class=\"key level\"></span>\(isolated(level.label)), \(axis.text(level.value))</li>")
    }
    return "<ul class=\"legend\">\(entries)</ul>\n"
  }

  private func table(_ axis: Axis) -> HTML {
    let rows = lines.flatMap { line in
      thinned(line.points, to: Self.most.rows).map { point -> [HTML] in
        ["\(grouped(point.step))", "\(isolated(line.label))", "\(axis.text(point.value))"]
      }
    }
    return .details(
      "Values", .table(title, ["\(unit)", "line", "value"], numbers: [0, 2], rows: rows))
  }
}

/// The values of a chart from bottom to top: linear, or logarithmic where they differ by more than a factor of 50.
private struct Axis {
  let ticks: [Double]
  private let low: Double
  private let high: Double
  private let isLogarithmic: Bool
  /// Decimals that tell the ticks apart; nil on a logarithmic axis.
  private let digits: Int?
  private let isShare: Bool

  /// An axis for these values; nil where none is finite.
  init?(_ values: [Double], _ isShare: Bool) {
    let finite = values.filter(\.isFinite)
    guard let least = finite.min(), let most = finite.max() else { return nil }
    self.isShare = isShare
    isLogarithmic = !isShare && least > 0 && most / least > 50
    if isLogarithmic {
      let (first, last) = (Int(floor(log10(least))), Int(ceil(log10(most))))
      let step = max(1, (last - first + 3) / 4)
      ticks = stride(from: first, through: last, by: step).map { pow(10, Double($0)) }
      (low, high) = (Double(first), Double(last))
      digits = nil
      return
    }
    // Steps of 1, 2 or 5 that divide the range in about four.
    let range = max(most - least, most > least ? 1e-9 * max(abs(least), abs(most)) : abs(most), 1e-300)
    let rough = range / 4
    let magnitude = pow(10, floor(log10(rough)))
    let step = ([1, 2, 5].first { $0 * magnitude >= rough } ?? 10) * magnitude
    // Values as far apart as numbers can be have no steps.
    guard step.isFinite else { return nil }
    let first = floor(least / step)
    let last = max(ceil(most / step), first + 1)
    ticks = (0...Int(last - first)).map { (first + Double($0)) * step }
    (low, high) = (first * step, last * step)
    let decimals = Int(max(0, -floor(log10(step * 1.000001))))
    digits = decimals <= 4 && max(abs(low), abs(high)) < 1e6 ? decimals : nil
  }

  /// How high a value is, from 0 to 1.
  func place(of value: Double) -> Double {
    guard value.isFinite else { return value > 0 ? 1 : 0 }
    let placed = isLogarithmic ? log10(max(value, .leastNormalMagnitude)) : value
    return min(max((placed - low) / (high - low), 0), 1)
  }

  /// A tick, with as many decimals as the others.
  func label(_ tick: Double) -> String {
    guard let digits else { return text(tick) }
    return isShare ? "\(fixed(100 * tick, max(0, digits - 2))) %" : fixed(tick, digits)
  }

  func text(_ value: Double) -> String { isShare ? percentText(value) : significant(abs(value) < 1e-300 ? 0 : value) }
}

/// So many of the elements at most, evenly spread, with the first and the last.
func thinned<Element>(_ elements: [Element], to limit: Int) -> [Element] {
  guard elements.count > limit else { return elements }
  guard limit > 1 else { return Array(elements.prefix(limit)) }
  return (0..<limit).map { elements[$0 * (elements.count - 1) / (limit - 1)] }
}
