extension Method {
  static let herding = Method(
    "herding", title: "Herding",
    summary: "takes the real images whose running mean stays nearest to the class mean in feature space",
    reference: "Welling, Herding Dynamical Weights to Learn, ICML 2009; "
      + "Rebuffi et al., iCaRL, CVPR 2017",
    settings: MethodOption.features + MethodOption.network, relations: MethodOption.givenFeatures,
    classesAreIndependent: true)
}
