extension Method {
  static let kCenter = Method(
    "k-center", title: "Greedy k-center",
    summary: "takes real images that cover the class: always the one farthest from those taken so far",
    reference: "Sener & Savarese, Active Learning for Convolutional Neural Networks: A Core-Set Approach, ICLR 2018",
    settings: MethodOption.features + MethodOption.network, relations: MethodOption.givenFeatures,
    classesAreIndependent: true)
}
