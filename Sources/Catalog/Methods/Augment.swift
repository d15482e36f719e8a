extension Method {
  static let augment = Method(
    "augment", of: "expand", title: "Classical augmentation",
    summary: "moves, enlarges, turns, mirrors and recolours samples at random; what other expansions are measured by",
    reference: "none", settings: [MethodOption(.expandingAugmentation)],
    relations: [.meansNothing("model"), .meansNothing("time")])
}
