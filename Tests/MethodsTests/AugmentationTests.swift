import Methods
import Tensors
import TensorTurn
import Testing

@Suite(.serialized, .takesTurns)
struct AugmentationTests {
  private let images = wave([3, 2, 9, 8], 0.29, 0.7)

  private func close(_ a: Tensor, _ b: Tensor, _ tolerance: Float = 1e-5) -> Bool {
    a.shape == b.shape && (a - b).abs().floats().allSatisfy { $0 <= tolerance }
  }

  @Test func `strategies have the names of the reference code`() {
    #expect(AugmentationStrategy.full.description == "color_crop_cutout_flip_scale_rotate")
    #expect(AugmentationStrategy(named: "color_crop_cutout_flip_scale_rotate") == .full)
    #expect(AugmentationStrategy.withoutFlip.description == "color_crop_cutout_scale_rotate")
    #expect(AugmentationStrategy(named: "none") == AugmentationStrategy.none)
    #expect(AugmentationStrategy(named: "color_blur") == nil)
  }

  @Test func `a flip is a reversal of the columns, image by image`() throws {
    let flipped = try Transformation.flip([true, false, true]).applied(to: images)
    let mirrored = try images.flipped(axes: [3])
    for (index, expected) in [mirrored, images, mirrored].enumerated() {
      #expect(close(try row(flipped, index), try row(expected, index), 0))
    }
    #expect(close(try Transformation.flip([true]).applied(to: images), mirrored, 0))
  }

  @Test func `a crop is a shift by whole pixels with zeros from outside`() throws {
    let offsets = [
      Transformation.Offset(rows: 2, columns: -1), Transformation.Offset(rows: -3, columns: 0),
      Transformation.Offset(rows: 0, columns: 2),
    ]
    let shifted = try Transformation.shift(offsets).applied(to: images).floats()
    let values = images.floats()
    for (index, offset) in offsets.enumerated() {
      for channel in 0..<2 {
        for row in 0..<9 {
          for column in 0..<8 {
            let (r, c) = (row + offset.rows, column + offset.columns)
            let inside = r >= 0 && r < 9 && c >= 0 && c < 8
            let base = (index * 2 + channel) * 72
            #expect(shifted[base + row * 8 + column] == (inside ? values[base + r * 8 + c] : 0))
          }
        }
      }
    }
    let siamese = try Transformation.shift([offsets[0]]).applied(to: images)
    #expect(close(try row(siamese, 0), try row(Transformation.shift(offsets).applied(to: images), 0), 0))
  }

  @Test func `cutout zeroes its box and nothing else`() throws {
    let box = Transformation.Box(rows: 2..<6, columns: 0..<3)
    let cut = try Transformation.cutout([box]).applied(to: images + 5).floats()
    for (place, value) in cut.enumerated() {
      let (r, c) = (place / 8 % 9, place % 8)
      #expect((value == 0) == (box.rows.contains(r) && box.columns.contains(c)))
    }
  }

  @Test func `color moves brightness by addition and saturation and contrast around their means`() throws {
    #expect(close(try Transformation.brightness([0.25]).applied(to: images), images + 0.25))
    let grey = try Transformation.saturation([0]).applied(to: images)
    #expect(close(grey, try images.mean(axes: [1], keepDims: true).expanded(to: [3, 2, 9, 8])))
    #expect(close(try Transformation.saturation([1]).applied(to: images), images))
    let doubled = try Transformation.contrast([1.5]).applied(to: images)
    #expect(close(try doubled.mean(axes: [1, 2, 3]), try images.mean(axes: [1, 2, 3])))
    #expect(
      close(
        try doubled.variance(axes: [1, 2, 3]), try images.variance(axes: [1, 2, 3]) * 2.25))
  }

  @Test func `sampling is the identity for the identity and a reversal for half a turn`() throws {
    let identity = Transformation.resample([[1, 0, 0, 0, 1, 0]], outside: .zero)
    #expect(close(try identity.applied(to: images), images))
    let half = Transformation.resample([[-1, 0, 0, 0, -1, 0]], outside: .zero)
    #expect(close(try half.applied(to: images), try images.flipped(axes: [2, 3])))
  }

  @Test func `rotations and scales are PyTorch's`() throws {
    let golden = try Golden.load()
    let x = wave([2, 2, 9, 8], 0.29, 0.7)
    let (cosine, sine): (Float, Float) = (0.98480775, 0.17364818)
    let turn = Transformation.resample([[cosine, -sine, 0, sine, cosine, 0]], outside: .zero)
    #expect(agree(try turn.applied(to: x), golden["sample rotate"]))
    let scale = Transformation.resample([[1.1, 0, 0, 0, 0.9, 0]], outside: .zero)
    #expect(agree(try scale.applied(to: x), golden["sample scale"]))
  }

  @Test func `drawn parameters fill the published ranges and do not leave them`() {
    var random = RandomSource(seed: 4)
    var seen: [String: (Float, Float)] = [:]
    func note(_ name: String, _ values: [Float]) {
      for value in values {
        let old = seen[name] ?? (value, value)
        seen[name] = (min(old.0, value), max(old.1, value))
      }
    }
    var kinds: [String: Int] = [:]
    let draws = 1200
    for _ in 0..<draws {
      let drawn = AugmentationStrategy.full.drawOne(rows: 4, height: 32, width: 32, using: &random)
      for transformation in drawn {
        switch transformation {
        case .brightness(let values):
          note("brightness", values)
          kinds["color", default: 0] += 1
          #expect(drawn.count == 3)
        case .saturation(let values): note("saturation", values)
        case .contrast(let values): note("contrast", values)
        case .flip(let flags):
          note("flip", flags.map { $0 ? 1 : 0 })
          kinds["flip", default: 0] += 1
        case .shift(let offsets):
          note("shift", offsets.flatMap { [Float($0.rows), Float($0.columns)] })
          kinds["crop", default: 0] += 1
        case .cutout(let boxes):
          note("box", boxes.flatMap { [Float($0.rows.count), Float($0.columns.count)] })
          note("edge", boxes.flatMap { [Float($0.rows.lowerBound), Float($0.rows.upperBound)] })
          kinds["cutout", default: 0] += 1
        case .resample(let matrices, let outside):
          #expect(outside == .zero)
          if matrices.contains(where: { $0[1] != 0 }) {
            note("sine", matrices.map { $0[3] })
            kinds["rotate", default: 0] += 1
          } else {
            note("scale", matrices.flatMap { [$0[0], $0[4]] })
            kinds["scale", default: 0] += 1
          }
        }
      }
    }
    // Each operation is drawn for a sixth of the batches: 200 of 1200, standard deviation 13.
    #expect(kinds.count == 6 && kinds.values.allSatisfy { abs($0 - draws / 6) < 60 })
    let ranges: [(String, Float, Float, Float)] = [
      ("brightness", -0.5, 0.5, 0.01), ("saturation", 0, 2, 0.02), ("contrast", 0.5, 1.5, 0.01), ("flip", 0, 1, 0),
      ("shift", -4, 4, 0), ("box", 8, 16, 0), ("edge", 0, 32, 0), ("sine", -0.25881905, 0.25881905, 0.01),
      ("scale", 1 / 1.2, 1.2, 0.01),
    ]
    for (name, low, high, slack) in ranges {
      guard let (least, greatest) = seen[name] else {
        Issue.record("\(name) was never drawn")
        continue
      }
      #expect(least >= low - 1e-6 && least <= low + slack, "\(name) from \(least)")
      #expect(greatest <= high + 1e-6 && greatest >= high - slack, "\(name) to \(greatest)")
    }
  }

  @Test func `one set of parameters treats two batches as if they were one`() throws {
    var random = RandomSource(seed: 9)
    let other = wave([2, 2, 9, 8], 0.41, 0.1)
    for _ in 0..<30 {
      let drawn = AugmentationStrategy.full.drawOne(rows: 1, height: 9, width: 8, using: &random)
      let together = try augmented(Tensor.concatenated([images, other], axis: 0), by: drawn)
      let apart = try Tensor.concatenated([augmented(images, by: drawn), augmented(other, by: drawn)], axis: 0)
      #expect(close(together, apart))
    }
  }

  @Test func `IDC's combination always flips, colours and cuts out, and takes one of the rest`() {
    var random = RandomSource(seed: 2)
    var rest = Set<String>()
    for _ in 0..<60 {
      let drawn = AugmentationStrategy.full.drawCombined(rows: 3, height: 32, width: 32, using: &random)
      #expect(drawn.count == 6)
      let names = drawn.map { "\($0)".prefix { $0 != "(" } }.map(String.init)
      #expect(Array(names[0..<4]) == ["flip", "brightness", "saturation", "contrast"])
      #expect(names[5] == "cutout")
      rest.insert(names[4])
    }
    #expect(rest == ["shift", "resample"])
    let plain = AugmentationStrategy.full.without(.cutout).drawCombined(rows: 1, height: 8, width: 8, using: &random)
    #expect(plain.count == 5)
  }

  @Test func `gradients flow through every operation`() throws {
    var random = RandomSource(seed: 6)
    for operation in AugmentationStrategy.Operation.allCases {
      let drawn = AugmentationStrategy([operation]).drawOne(rows: 1, height: 9, width: 8, using: &random)
      let (_, gradients) = try valueAndGradients(at: [images]) { points throws(TensorError) in
        try augmented(points[0], by: drawn).squared().sum()
      }
      #expect(gradients[0].squared().sum().item > 0)
    }
  }

  @Test func `cutMix takes its box from the partner and mixes targets by area`() throws {
    let mix = CutMix(box: Transformation.Box(rows: 0..<3, columns: 2..<6), partners: [1, 2, 0])
    let targets = Tensor([1, 0, 0, 0, 1, 0, 0, 0, 1], shape: [3, 3])
    let (mixed, soft) = try mix.applied(images: images, targets: targets)
    let (values, result) = (images.floats(), mixed.floats())
    for image in 0..<3 {
      for place in 0..<144 {
        let (r, c) = (place / 8 % 9, place % 8)
        let source = mix.box.rows.contains(r) && mix.box.columns.contains(c) ? mix.partners[image] : image
        #expect(result[image * 144 + place] == values[source * 144 + place])
      }
    }
    let share: Float = 12 / 72
    #expect(
      soft.floats().enumerated().allSatisfy { place, value in
        let (row, column) = (place / 3, place % 3)
        let expected: Float = column == row ? 1 - share : column == mix.partners[row] ? share : 0
        return abs(value - expected) < 1e-6
      })
  }

  private func row(_ tensor: Tensor, _ index: Int) throws -> Tensor {
    try tensor.slice(axis: 0, from: index, to: index + 1)
  }
}
