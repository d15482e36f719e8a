import Networks
import Stages
import Testing

@Suite struct WorkTests {
  @Test func aConvNetOnCIFARTakesAHundredMegaflopsAnImage() {
    let network = ConvNetOptions(channels: 3, height: 32, width: 32, classes: 10)
    let products = 1024 * 3 * 128 + 256 * 128 * 128 + 64 * 128 * 128
    #expect(Work.forward(network).operations == Double(2 * 9 * products))
  }

  @Test func paddedDigitsCostAsMuchAs32Pixels() {
    let digits = ConvNetOptions(channels: 1, height: 28, width: 28, classes: 10)
    let products = 1024 * 1 * 128 + 256 * 128 * 128 + 64 * 128 * 128
    #expect(Work.forward(digits).operations == Double(2 * 9 * products))
  }

  @Test func aFactorMultipliesTheSyntheticSideAlone() {
    let network = ConvNetOptions(channels: 3, height: 32, width: 32, classes: 2)
    let one = Work.forward(network).operations
    let step = Work.matchingStep(network: network, realPerClass: [256, 256], syntheticPerClass: [10, 5], factor: 2)
    #expect(step.operations == one * (512 + 2 * 15 * 4))
  }

  @Test func theDefaultNumberOfStepsIsAFunctionOfWorkAndMachine() {
    let step = Work(operations: 4e11)
    #expect(step.defaultSteps(threads: 2) == step.defaultSteps(threads: 2))
    #expect(step.defaultSteps(threads: 8) > step.defaultSteps(threads: 2))
    #expect(Work(operations: 1e18).defaultSteps(threads: 2) == 100)
    #expect(Work(operations: 1).defaultSteps(threads: 2) == 2000)
  }
}
