/// The name that was probably meant: few letters away, or the only one that begins so; nil when nothing is near.
func nearest(to typed: String, among names: [String]) -> String? {
  let beginning = names.filter { $0.hasPrefix(typed) && !typed.isEmpty }
  if beginning.count == 1 { return beginning[0] }
  let distances = names.map { (name: $0, distance: editDistance(Array(typed.utf8), Array($0.utf8))) }
  guard let best = distances.min(by: { $0.distance < $1.distance }) else { return nil }
  return best.distance <= max(1, typed.utf8.count / 3) ? best.name : nil
}

/// Insertions, deletions, replacements and swaps of neighbours that turn `a` into `b` (optimal string alignment).
func editDistance(_ a: [UInt8], _ b: [UInt8]) -> Int {
  var rows = [Array(0...b.count)]
  for i in 0..<a.count {
    var row = [i + 1]
    for j in 0..<b.count {
      var cost = min(rows[i][j + 1] + 1, row[j] + 1, rows[i][j] + (a[i] == b[j] ? 0 : 1))
      if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] { cost = min(cost, rows[i - 1][j - 1] + 1) }
      row.append(cost)
    }
    rows.append(row)
  }
  return rows[a.count][b.count]
}
