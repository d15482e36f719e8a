public import Networks
public import Tensors

/// Snapshots of networks that were trained on the real data: each network as it was drawn, and after every epoch.
public struct Trajectories: Sendable {
  /// By network, and by epochs of training: the first of each network is untrained.
  public let snapshots: [[Network]]

  /// The snapshots of some networks.
  ///
  /// - Precondition: There is a network, and every network has as many snapshots.
  public init(_ snapshots: [[Network]]) {
    let lengths = Set(snapshots.map(\.count))
    precondition(
      lengths.count == 1 && lengths != [0], "trajectories need as many snapshots of every network, not \(lengths)")
    self.snapshots = snapshots
  }

  /// Number of networks.
  public var networks: Int { snapshots.count }

  /// Epochs that each of them was trained for; snapshots are of 0 to as many epochs.
  public var epochs: Int { snapshots[0].count - 1 }

  /// Whether training went well: a learning rate that is too high ends in weights that are NaN or infinite.
  public var isFinite: Bool {
    snapshots.allSatisfy { $0[epochs].parameters.allSatisfy { $0.floats().allSatisfy(\.isFinite) } }
  }

  /// A random snapshot: each network and each epoch as likely as any other, the untrained ones included.
  func snapshot(using random: inout RandomSource) -> Network {
    network(random.integer(below: networks), epoch: random.integer(below: epochs + 1))
  }

  /// All weights and running statistics, network by network and epoch by epoch.
  public var tensors: [Tensor] { snapshots.flatMap { $0.flatMap { $0.parameters + $0.buffers } } }

  /// One network, counted from 0, after `epoch` epochs; 0 for as it was drawn.
  ///
  /// - Precondition: There is such a snapshot.
  public func network(_ number: Int, epoch: Int) -> Network {
    precondition(
      snapshots.indices.contains(number) && (0...epochs).contains(epoch),
      "there are \(networks) networks of \(epochs) epochs, and network \(number) after epoch \(epoch) is none of them")
    return snapshots[number][epoch]
  }
}
