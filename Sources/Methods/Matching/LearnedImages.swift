public import Networks
public import Tensors

/// Learns images so that their embeddings resemble those of the real ones: the loop of DM, M3D and their relatives, all but the loss.
///
/// repeats `options.steps` times:
///   θ ~ P₀                                   a new network every `stepsPerNetwork` steps
///   for each class c that has images:
///     B ~ T_c, ω                             a batch of real images, and one augmentation for both sides
///     L_c = loss( ψ_θ(A(B, ω)), ψ_θ(A(decode(S_c), ω)) )
///   S ← S − η ∇ Σ_c L_c                      SGD with momentum, in normalised units, never clamped
///
///   S_c  synthetic images of class c, (count_c, C, H, W)        T_c  real images of class c
///   ψ_θ  embedding of a randomly drawn ConvNet                  decode  multi-formation, see `Formation`
///
/// Classes are independent of each other given the seed, and a run that is stopped equals the shorter run.
///
/// - Parameters:
///   - counts: images to learn of each class; 0 leaves a class out.
///   - network: the networks to draw.
///   - stepsPerNetwork: steps that share one network.
///   - control: told of every step, asked before each whether to stop, and handed what there is at its snapshot steps.
///   - loss: of one class, from real embeddings (n, d), which are constants, and synthetic ones (m, d): a scalar.
public func learnImages(
  _ real: some RealImages, counts: [Int], normalization: Normalization, options: some MatchingOptions,
  network: ConvNetOptions, stepsPerNetwork: Int = 1, using random: RandomSource, control: RunControl,
  loss lossOfClass: (_ real: Tensor, _ synthetic: Tensor) throws(TensorError) -> Tensor
) throws(TensorError) -> Condensation {
  precondition(stepsPerNetwork > 0, "a network serves at least one step, not \(stepsPerNetwork)")
  let (_, height, width) = real.shape
  var set = try ImageOptimization(
    real, counts: counts, initialization: options.initialization, formation: options.formation,
    normalization: normalization, learningRate: options.learningRate, momentum: options.momentum, random: random)
  func drawn(_ number: Int) -> ConvNet {
    var draw = random.split("network", number)
    return ConvNet(network, using: &draw)
  }
  var encoder = drawn(0)
  var last: StepReport?
  for step in 0..<options.steps {
    if control.shouldStop() { break }
    if step > 0, step % stepsPerNetwork == 0 { encoder = drawn(step / stepsPerNetwork) }
    var loss = 0.0
    var gradients: [Tensor] = []
    for (place, label) in set.classes.enumerated() {
      var draw = random.split("class batch", step, label)
      let batch = try realBatch(
        options.realBatch, ofClass: label, of: real, normalization: normalization, using: &draw)
      let augmentation = options.augmentation.drawOne(rows: 1, height: height, width: width, using: &draw)
      let target = try embedded(augmented(batch, by: augmentation), in: encoder)
      let (value, gradient) = try valueAndGradients(at: [set.images[place]]) { images throws(TensorError) in
        let decoded = try options.formation.decoded(images[0], padding: normalization.grey)
        return try lossOfClass(target, embeddedKeepingGraph(augmented(decoded, by: augmentation), in: encoder))
      }
      loss += value.item
      gradients += gradient
    }
    let report = try set.step(gradients, loss: loss, number: step, of: options.steps)
    last = report
    control.progress(report)
    if report.hasDiverged { break }
    if control.snapshotSteps.contains(step + 1) { control.snapshot(step + 1, try set.synthetic()) }
  }
  return Condensation(synthetic: try set.synthetic(), steps: last?.step ?? 0, lastReport: last)
}
