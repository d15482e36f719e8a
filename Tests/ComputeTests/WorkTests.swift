import Datasets
import Methods
import Networks
import Stages
import Testing

@Suite struct WorkTests {
  @Test func `a ConvNet on CIFAR takes a hundred megaflops an image`() {
    let network = known { try .convNet(ImageShape(channels: 3, height: 32, width: 32), classes: 10) }
    let products = 1024 * 3 * 128 + 256 * 128 * 128 + 64 * 128 * 128
    #expect(network.operations == Double(2 * 9 * products))
  }

  @Test func `padded digits cost as much as 32 pixels`() {
    let digits = known { try .convNet(ImageShape(channels: 1, height: 28, width: 28), classes: 10) }
    let products = 1024 * 1 * 128 + 256 * 128 * 128 + 64 * 128 * 128
    #expect(digits.operations == Double(2 * 9 * products))
  }

  @Test func `a factor multiplies the synthetic side alone`() throws {
    var images = LearnedImages(initialization: .real, factor: 2)
    let task = MethodTask(
      dataset: "x", shape: ImageShape(channels: 3, height: 32, width: 32), counts: [10, 5, 0],
      available: [5000, 200, 90])
    try images.decide(for: task)
    let one = try NetworkChoice().architecture(for: task.shape, classes: 3, of: "x").operations
    #expect(images.cost(of: task).operationsPerStep == one * Double(256 + 200 + 2 * 15 * 4))
  }

  @Test func `the default number of steps is a function of work and machine`() {
    let usual = UsualSteps(allowance: 4.2e13, range: 100...2000)
    #expect(usual.steps(of: 4e11, threads: 8) > usual.steps(of: 4e11, threads: 2))
    #expect(usual.steps(of: 1e18, threads: 2) == 100 && usual.steps(of: 1, threads: 2) == 2000)
    #expect(usual.steps(of: 4e11, threads: 2).isMultiple(of: 50))
  }
}
