public import Tensors

/// Points grouped around as many centres: Lloyd's iterations from k-means++ seeds.
///
/// minimises   Σ_i ‖ x_i − μ_{a(i)} ‖²,   μ_k the mean of the points with a(i) = k
///
/// Shapes: points (n, d), count ≤ n; the result holds a(i) for every i, and no group is empty: one that loses its last point
/// takes the point farthest from its centre.
/// Reference: Arthur & Vassilvitskii, "k-means++: The Advantages of Careful Seeding", SODA 2007.
public func kMeans(
  _ points: Tensor, count: Int, iterations: Int = 20, using random: inout RandomSource
) throws(TensorError) -> [Int] {
  let total = points.shape[0]
  precondition(0 < count && count <= total, "\(total) points cannot be put into \(count) groups, none of them empty")
  var centres = try points.indexed(by: Tensor(integers: seeds(points, count: count, using: &random)))
  var groups: [Int] = []
  for _ in 0..<max(1, iterations) {
    let distances = try points.squaredDistances(to: centres)
    let nearest = try distances.top(1, largest: false)
    let found = withoutEmptyGroups(
      nearest.indices.integers(), distances: nearest.values.floats(), count: count)
    if found == groups { break }
    groups = found
    centres = try blockAverages(groups, count: count).matmul(points)
  }
  return groups
}

/// The point nearest to the centre of each of `count` groups of a k-means: different points, in the order of the groups.
///
/// Of a group's own points it is the nearest, ties go to the lowest index.
/// Shapes: points (n, d). Where there are not more points than groups, all of them in random order, and then again in another.
public func representatives(
  of points: Tensor, count: Int, using random: inout RandomSource
) throws(TensorError) -> [Int] {
  let total = points.shape[0]
  guard count < total else { return drawRepeating(count, of: total, using: &random) }
  let groups = try kMeans(points, count: count, using: &random)
  let centres = try blockAverages(groups, count: count).matmul(points)
  let distances = try points.squaredDistances(to: centres).floats()
  var nearest = [Int?](repeating: nil, count: count)
  for (place, group) in groups.enumerated() {
    if let best = nearest[group], distances[best * count + group] <= distances[place * count + group] { continue }
    nearest[group] = place
  }
  return nearest.compactMap(\.self)
}

/// The matrix that averages each group: (count, n), 1/|group k| in row k at the group's points.
public func blockAverages(_ groups: [Int], count: Int) -> Tensor {
  var sizes = [Float](repeating: 0, count: count)
  for group in groups { sizes[group] += 1 }
  var values = [Float](repeating: 0, count: count * groups.count)
  for (place, group) in groups.enumerated() { values[group * groups.count + place] = 1 / sizes[group] }
  return Tensor(values, shape: [count, groups.count])
}

/// One point at random, then each with a chance proportional to its squared distance from those taken.
private func seeds(_ points: Tensor, count: Int, using random: inout RandomSource) throws(TensorError) -> [Int] {
  let total = points.shape[0]
  var taken = [random.integer(below: total)]
  var distances = [Float](repeating: .infinity, count: total)
  while taken.count < count {
    let last = try points.slice(from: taken[taken.count - 1], to: taken[taken.count - 1] + 1)
    let fresh = try points.squaredDistances(to: last).floats()
    for place in distances.indices { distances[place] = min(distances[place], fresh[place]) }
    for place in taken { distances[place] = 0 }
    let sum = distances.reduce(0) { $0 + Double($1) }
    var left = random.uniform() * sum
    // Where all points are the same, any that is not taken will do.
    var chosen = distances.indices.first { !taken.contains($0) } ?? 0
    for (place, distance) in distances.enumerated() where distance > 0 {
      chosen = place
      left -= Double(distance)
      if left < 0 { break }
    }
    taken.append(chosen)
  }
  return taken
}

private func withoutEmptyGroups(_ groups: [Int], distances: [Float], count: Int) -> [Int] {
  var groups = groups
  var sizes = [Int](repeating: 0, count: count)
  for group in groups { sizes[group] += 1 }
  for empty in sizes.indices where sizes[empty] == 0 {
    var farthest: Int?
    for place in groups.indices where sizes[groups[place]] > 1 {
      if let best = farthest, distances[place] <= distances[best] { continue }
      farthest = place
    }
    guard let farthest else { preconditionFailure("fewer points than groups") }
    sizes[groups[farthest]] -= 1
    sizes[empty] = 1
    groups[farthest] = empty
  }
  return groups
}
