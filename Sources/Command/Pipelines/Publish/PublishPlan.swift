internal import Datasets
internal import Shards

/// Where readers find a dataset, as paths from the current folder.
struct PublishPlan: Equatable {
  /// The folder of the generations.
  var to: String?
  /// How many stay there.
  var keep: Int
  /// Lines for the shell; nil where no command publishes it.
  var command: PublishCommand?

  /// The key `publish` of a dataset.
  init(_ publish: PipelineFile.Publish, in place: FilePlace) {
    to = publish.to.map { place.resolve($0) }
    while let path = to, path.count > 1, path.hasSuffix("/") { to?.removeLast() }
    keep = publish.keep
    guard let send = publish.command, let readBack = publish.readBack else { return }
    command = PublishCommand(send: send, readBack: readBack, switchLine: publish.switchLine, folder: place.folder)
  }
}

extension DatasetPlan {
  /// Refuses folders of generations that are, hold or lie in anything else that the file reads or writes.
  ///
  /// A later dataset may read what an earlier one publishes.
  ///
  /// - Throws: `DataError` (`.badInput`) with the places in the file.
  static func checkPublishPlaces(of plans: [DatasetPlan], at file: String) throws(DataError) {
    var taken: [(name: String, place: Place)] = []
    for (index, plan) in plans.enumerated() {
      taken.append(("the output of \(plans[index].origin.place)", Place(try resolvedOutput(plan.output))))
      guard plan.check != nil else { continue }
      let held = Place(HeldDataset.path(beside: try resolvedOutput(plan.output)))
      for (other, reader) in plans.enumerated() {
        if Place(try resolvedOutput(reader.output)).isSame(as: held) {
          throw DataError(
            .badInput, at: [file, "\(plans[other].origin.place).output"],
            "is where \(plans[index].origin.place) is kept when it does not pass its check",
            remedy: "name another folder")
        }
      }
    }
    for (index, plan) in plans.enumerated() {
      guard let to = plan.publish?.to else { continue }
      let place = Place(to)
      func refuse(_ problem: String) -> DataError {
        DataError(
          .badInput, at: [file, "\(plans[index].origin.place).publish.to", to], problem,
          remedy: "give each its own folder")
      }
      for other in taken
      where place.isSame(as: other.place) || place.isInside(other.place) || other.place.isInside(place) {
        throw refuse("is, holds or lies in \(other.name)")
      }
      for (reader, other) in plans.enumerated() {
        for path in other.reads {
          let input = Place(path)
          if place.isSame(as: input) || place.isInside(input) || (input.isInside(place) && reader <= index) {
            throw refuse("is, holds or lies in \(path), which \(plans[reader].origin.place) reads")
          }
        }
      }
      taken.append(("that of \(plans[index].origin.place)", place))
    }
  }
}
