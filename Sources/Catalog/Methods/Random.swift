extension Method {
  static let random = Method(
    "random", title: "Random selection",
    summary: "takes real images at random; the baseline of all others",
    reference: "none", classesAreIndependent: true)
}
