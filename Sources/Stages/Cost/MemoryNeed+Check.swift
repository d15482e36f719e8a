public import Datasets
import Foundation
public import Methods

extension MemoryNeed.Purpose {
  fileprivate var images: (what: String, remedy: String) {
    switch self {
    case .making: ("the images to be made", "lower --ipc")
    case .selecting: ("the images to be selected", "lower --ipc")
    case .training: ("the images of a batch", "lower --batch")
    case .evaluating: ("the images to be trained on", "evaluate a smaller set, or smaller images with --resize")
    case .fitting: ("the maps from samples to images", "lower --ipc")
    case .expanding: ("the images to be made", "take smaller images with --resize")
    case .passing: ("the samples of a chunk", "lower \(options)")
    }
  }
  fileprivate var lessMaps: String {
    switch self {
    case .making: "lower --width, --factor or --ipc"
    case .selecting, .training, .evaluating: "lower --width"
    case .fitting: "lower --width, or take smaller images with --resize"
    case .expanding: "lower --batch, or take smaller images with --resize"
    case .passing: "lower \(options)"
    }
  }
  fileprivate var lessWeights: String {
    switch self {
    case .making, .selecting, .evaluating: "lower --width or --depth"
    case .training: "lower --width, --networks or --epochs"
    case .fitting: "lower --latent or --width"
    case .expanding: "take smaller images with --resize"
    case .passing: "lower \(options)"
    }
  }
  fileprivate var lessEmbeddings: String {
    switch self {
    case .making: "lower --ipc or --width"
    case .selecting, .training: "lower --width"
    case .evaluating: "lower --width, or leave --baselines out"
    case .fitting: "lower --latent, or choose fewer classes with --classes"
    case .expanding: "lower --batch"
    case .passing: "lower \(options)"
    }
  }
  /// Options of which less takes less memory.
  var options: String {
    switch self {
    case .making: "--width, --batch, --ipc, --factor or --memory"
    case .selecting: "--width, --ipc or --memory"
    case .training: "--width, --batch or --memory"
    case .evaluating: "--width or --memory"
    case .fitting: "--latent, --ipc or --memory"
    case .expanding: "--batch or --memory"
    // How large a chunk is was decided with the model.
    case .passing: "the --latent that pipe fit makes the model with"
    }
  }
}

extension MemoryNeed {
  /// What `ulimit -v` leaves for a need: libraries are loaded already, and every thread takes a stack and a buffer of the
  /// matrix library, which waits for ever where it is not given one.
  ///
  /// What a thread takes is an estimate. Call it when the library is configured and before anything is computed.
  public static func addressable(threads: Int) -> Int {
    guard let limit = MachineMemory.addressLimit else { return .max }
    let beside = MachineMemory.addressesUsed - Int(MemoryNeed().library) + threads * (64 << 20)
    return max(0, limit - beside)
  }

  /// Throws where this and `decoded` bytes of real images are more than the machine has.
  public func check(decoded: Int, machine: Int, dataset: String) throws(DataError) {
    let whole = total + Double(decoded)
    guard whole > Double(machine) else { return }
    let parts = [
      (weights, "the network's weights", purpose.lessWeights),
      (maps, "the maps of a network", purpose.lessMaps), (embeddings, "embeddings", purpose.lessEmbeddings),
      (images, purpose.images.what, purpose.images.remedy),
      (Double(decoded), "decoded images", "lower --memory, and they go to a temporary file"),
      (library, "the program itself", "take a machine with more"),
    ]
    guard let (bytes, what, remedy) = parts.max(by: { $0.0 < $1.0 }) else { return }
    if let limit = MachineMemory.addressLimit, machine < MachineMemory.resident {
      let wanted = (limit - machine) + Int(min(whole, 1e15))
      throw DataError(
        .usage, at: [dataset],
        "this takes about \(gibibytes(whole)) of memory, and the limit of \(limit >> 10) kB on addresses leaves "
          + gibibytes(Double(machine)),
        remedy: "raise it with ulimit -v \((wanted >> 10) + 1)" + (bytes == library ? "" : ", or \(remedy)"))
    }
    throw DataError(
      .usage, at: [dataset],
      "this takes about \(gibibytes(whole)) of memory, \(gibibytes(bytes)) of it for \(what), and there are "
        + gibibytes(Double(machine)), remedy: remedy)
  }

  private func gibibytes(_ bytes: Double) -> String {
    let amount = bytes / Double(1 << 30)
    return amount < 100 ? String(format: "%.1f GiB", amount) : String(format: "%.0f GiB", amount)
  }
}
