import Command
import Datasets
import Stages

// What is said before the work starts.

extension Estimate {
  /// Seconds of everything.
  var seconds: Double {
    let steps = Double(steps ?? 0) * (secondsPerStep ?? 0)
    return trajectories.reduce(startSeconds + steps + (features?.seconds ?? 0)) { $0 + $1.seconds }
  }

  /// One line each for what is made, the steps, the features, and the memory.
  func lines(for request: CondenseRequest) -> [String] {
    var lines = ["\(request.name): \(counted(images, "image")), seed \(request.seed)"]
    if let steps, let secondsPerStep { lines.append(stepsLine(steps, secondsPerStep, digits: 1, option: "--steps")) }
    if let secondsPerStep, secondsPerStep > 10, request.learnsAllClassesInAStep {
      lines.append(
        "a step learns all classes, and nothing ends between steps; with --classes-per-step 50 they take turns")
    }
    lines += trajectories.map(\.line)
    if startSeconds > 1 { lines.append("first images by clusters: about \(durationText(startSeconds))") }
    if let features {
      let kept = request.trajectories == nil ? "a network from the cache" : "a network from --trajectories"
      let training = features.steps > 0 ? "\(counted(features.steps, "step")) of training a network" : kept
      lines.append("features: \(training), and every image through it: about \(durationText(features.seconds))")
    }
    return lines + [memoryLine(decoded: decodedBytes, spilled: spilledBytes, working: workingBytes)]
  }
}

extension Estimate.Trajectories {
  /// `trained networks: 2 of 10 epochs each on the real images: about 13m20s`.
  var line: String {
    let each = "\(networks) of \(counted(epochs, "epoch")) each on the real images"
    if missingEpochs == 0 { return "trained networks: \(each), from the cache" }
    let rest =
      missingEpochs < networks * epochs ? "; of these, \(counted(missingEpochs, "epoch")) not in the cache yet" : ""
    return "trained networks: \(each)\(rest): about \(durationText(seconds))"
  }
}

extension ExpansionEstimate {
  /// One line each for what is made, the phases of learning, the making, and the memory.
  func lines(for request: ExpandRequest) -> [String] {
    ["\(request.name): \(counted(images, "image")), seed \(request.seed)"] + (teachers.map { [$0.line] } ?? [])
      + phases.map { phase in
        let option = phase.name == "pre-training" ? "--pretrain-steps" : "--steps"
        return "\(phase.name): \(stepsLine(phase.steps, phase.secondsPerStep, digits: 2, option: option))"
      } + (makingSeconds > 0 ? ["making the images: about \(durationText(makingSeconds))"] : [])
      + [memoryLine(decoded: decodedBytes, spilled: spilledBytes, working: workingBytes)]
  }
}

/// `600 steps of about 0.25s: 2m30s (--steps or --time for another length)`.
func stepsLine(_ steps: Int, _ secondsPerStep: Double, digits: Int, option: String) -> String {
  "\(counted(steps, "step")) of about \(fixed(secondsPerStep, digits))s: \(durationText(secondsPerStep * Double(steps))) "
    + "(\(option) or --time for another length)"
}

/// `memory: 7.5 MiB of decoded images, about 420 MiB to compute`.
func memoryLine(decoded: Int, spilled: Int = 0, working: Int) -> String {
  "memory: \(sizeText(decoded)) of decoded images\(spilled > 0 ? ", \(sizeText(spilled)) in a spill file" : "")"
    + ", about \(sizeText(working)) to compute"
}
