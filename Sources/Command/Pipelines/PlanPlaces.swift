internal import Datasets

extension DatasetPlan {
  /// Refuses outputs that would replace or grow what the file reads.
  ///
  /// What counts is where paths lead, not how they are spelled. A dataset may read what one before it makes; anything else
  /// that is both read and written would be lost, or would change under its reader with every run.
  ///
  /// - Throws: `DataError` (`.badInput`) with the places in the file.
  static func checkPlaces(of plans: [DatasetPlan], at file: String) throws(DataError) {
    var outputs: [Place] = []
    for plan in plans { outputs.append(Place(try resolvedOutput(plan.output))) }
    let sources = plans.map { plan in plan.reads.map { (path: $0, place: Place($0)) } }
    for (index, output) in outputs.enumerated() {
      func refuse(_ problem: String, _ remedy: String) -> DataError {
        DataError(
          .badInput, at: [file, "\(plans[index].origin.place).output", plans[index].output], problem, remedy: remedy)
      }
      for (earlier, other) in outputs[..<index].enumerated() {
        if output.isSame(as: other) {
          throw refuse("is the output of \(plans[earlier].origin.place) too", "give each its own folder")
        }
        if output.isInside(other) || other.isInside(output) {
          throw refuse(
            "and the output of \(plans[earlier].origin.place) lie one inside the other", "give each its own folder")
        }
      }
      for (writer, plan) in plans.enumerated() {
        for path in plan.written {
          let place = Place(try resolvedOutput(path))
          if place.isSame(as: output) || place.isInside(output) {
            throw refuse(
              "is where a step of \(plans[writer].origin.place) writes \(path)", "name another folder for that")
          }
          if let input = sources[writer].first(where: { place.isSame(as: $0.place) || place.isInside($0.place) }) {
            throw DataError(
              .badInput, at: [file, plans[writer].origin.place, path], "lies inside its input \(input.path)",
              remedy: "name a place outside of it")
          }
        }
      }
      for (reader, inputs) in sources.enumerated() {
        let whose = reader == index ? "its own input" : "an input of \(plans[reader].origin.place)"
        for input in inputs {
          if output.isInside(input.place) {
            throw refuse("lies inside \(input.path), \(whose)", "name a folder outside of it")
          }
          guard reader <= index else { continue }
          if output.isSame(as: input.place) {
            throw refuse(
              reader == index ? "is its own input \(input.path)" : "is \(whose), which comes before",
              reader == index ? "name another folder" : "name another folder, or change their order")
          }
          if input.place.isInside(output) {
            throw refuse("holds \(input.path), \(whose)", "name another folder")
          }
        }
      }
    }
  }
}
