internal import Datasets
internal import Foundation
internal import Networks
public import Tensors

// MARK: Algorithm 2

extension ExpansiveSynthesis.Fit: Expansion {
  /// Lines 14 to 17 for some positions; see `Expansion`.
  public func images(ofClass label: Int, at positions: Range<Int>) throws(TensorError) -> Tensor {
    let slots = model.attention.slots
    let sources = real.count(ofClass: label)
    let adjacency =
      model.setting.hasGraph ? ExpansiveSynthesis.adjacency([codewords[label]], rows: [0]) : nil
    var results: [Tensor] = []
    // Chunks of one shape that begin at the same positions always: on some processors the last digits of a row of a product
    // depend on where in it the row is.
    let first = positions.lowerBound / chunkSize * chunkSize
    for start in stride(from: first, to: positions.upperBound, by: chunkSize) {
      let places = (0..<chunkSize).map { ExpansionPlace(position: start + $0, sources: sources) }
      var recipes: [ExpansiveModel.Recipe] = []
      var lenders: [Int] = []
      for (row, place) in places.enumerated() {
        lenders.append(expanders[label].lender(to: place.source, copy: place.copy))
        guard place.copy > 0 else {
          recipes.append(.itself(row, slots: slots))
          continue
        }
        var draw = random.split("copy", label, place.source, place.copy)
        recipes.append(
          .drawn(row, lender: chunkSize + row, rotation: place.copy % slots, slots: slots, using: &draw))
      }
      var images = try normalization.normalized(
        bytes: real.images(ofClass: label, at: places.map(\.source) + lenders))
      if let moving { images = try moved(images, places, label, by: moving) }
      let latents = try inFixedChunks(images) { chunk throws(TensorError) in try model.latents(chunk) }
      let seen = try model.attention(latents)
      var composed = try model.composed(latents, seen, recipes, graphs: adjacency)
      var leftOut: Tensor?
      if reach != 1 || detail != 0 {
        let itself = recipes.map { ExpansiveModel.Recipe.itself($0.source, slots: slots) }
        let refined = try model.composed(latents, seen, itself, graphs: adjacency)
        if reach != 1 { composed = refined + (composed - refined) * reach }
        if detail != 0 { leftOut = try (images.slice(from: 0, to: chunkSize) - model.images(refined)) * detail }
      }
      var made = try model.images(composed)
      if let leftOut { made = made + leftOut }
      let wanted = positions.clamped(to: start..<start + chunkSize)
      results.append(try made.slice(from: wanted.lowerBound - start, to: wanted.upperBound - start))
    }
    return try normalization.restored(Tensor.concatenated(results))
  }

  /// Samples (64) and their lenders (64), each pair through transformations of its own.
  private func moved(
    _ images: Tensor, _ places: [ExpansionPlace], _ label: Int, by strategy: AugmentationStrategy
  ) throws(TensorError) -> Tensor {
    var pairs: [Tensor] = []
    for (row, place) in places.enumerated() {
      var draw = random.split("moved copy", label, place.source, place.copy)
      let transformations = strategy.drawCombined(
        rows: 1, height: real.shape.height, width: real.shape.width, using: &draw)
      let pair = try images.indexed(by: Tensor(integers: [row, places.count + row]))
      pairs.append(try augmented(pair, by: transformations).unsqueezed(1))
    }
    return try Tensor.concatenated(pairs, axis: 1).reshaped(images.shape)
  }
}
