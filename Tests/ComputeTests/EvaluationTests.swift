import Datasets
import Methods
import Networks
import Shards
import Stages
import Streaming
import Tensors
import Testing

extension ComputeTests {
  @Suite struct EvaluationTests {
    private func training(_ info: DatasetInfo, _ samples: [Sample]) throws -> TrainingImages {
      try TrainingImages(reading: Prepared(info, samples))
    }

    @Test func `float and byte images read alike`() throws {
      let (info, samples) = toySamples()
      let floats = samples.map { sample -> Sample in
        guard case .pixels(let pixels) = sample.content else { return sample }
        var copy = sample
        let values = (0..<3).flatMap { channel in
          (0..<64).map { Float(pixels.bytes[$0 * 3 + channel]) / 255 }
        }
        copy.content = .floats(FloatArray(shape: [3, 8, 8], values: values))
        return copy
      }
      #expect(try training(info, samples).images.floats() == training(info, floats).images.floats())
    }

    @Test func `classes are matched by name and not by index`() throws {
      let (info, samples) = toySamples()
      let test = try store(info, samples)
      var swapped = info
      swapped.classNames = ["class1", "class0"]
      let flipped = samples.map { sample -> Sample in
        var copy = sample
        copy.label = 1 - sample.label
        return copy
      }
      let contestant = try Contestant(
        training(swapped, flipped), testedOn: test, testName: "toy", fallback: .measured(on: test))
      #expect(try contestant.set(0).labels == samples.map(\.label))
    }

    /// A stream whose end tells more than its header, as a condensation's does.
    private final class LateSource: SampleSource {
      private(set) var info: DatasetInfo
      private var rest: ArraySlice<Sample>

      private let factor: Int

      init(_ info: DatasetInfo, _ samples: [Sample], factor: Int = 2) {
        self.info = info
        self.factor = factor
        rest = samples[...]
      }

      func next() throws(DataError) -> Sample? {
        if rest.isEmpty { info.formation = Formation(factor: factor) }
        return rest.popFirst()
      }
    }

    @Test func `what a stream tells at its end is not lost`() throws {
      let (info, samples) = toySamples()
      #expect(try TrainingImages(reading: LateSource(info, samples)).info.formation?.factor == 2)
    }

    @Test func `descriptions alone tell what does not fit together`() throws {
      let (info, _) = toySamples()
      var other = info
      other.shape = nil
      #expect(throws: Never.self) { try checkComparable(other, with: info) }
      #expect(throws: Never.self) { try checkBaselines(from: other, testedOn: info) }
      other.shape = [3, 9, 9]
      #expect(throws: DataError.self) { try checkComparable(other, with: info) }
      #expect(throws: DataError.self) { try checkBaselines(from: other, testedOn: info) }
    }

    @Test func `other classes are refused with both lists`() throws {
      let (info, samples) = toySamples()
      let test = try store(info, samples)
      var other = info
      other.classNames = ["class0", "zebra"]
      let error = #expect(throws: DataError.self) {
        try Contestant(training(other, samples), testedOn: test, testName: "toy", fallback: .measured(on: test))
      }
      #expect(error?.problem.contains("zebra") == true && error?.problem.contains("class1") == true)
    }

    @Test func `another image size is refused`() throws {
      let (info, samples) = toySamples()
      let (largeInfo, large) = toySamples(side: 16)
      let test = try store(info, samples)
      let error = #expect(throws: DataError.self) {
        try Contestant(training(largeInfo, large), testedOn: test, testName: "toy", fallback: .measured(on: test))
      }
      #expect(error?.problem.contains("3×16×16") == true)
    }

    /// What a manifest from elsewhere may say is refused in a sentence, not met as a broken precondition.
    @Test func `impossible normalisations and formations are refused`() throws {
      let (info, samples) = toySamples()
      let test = try store(info, samples)
      func problem(_ change: (inout DatasetInfo) -> Void) throws -> String? {
        var changed = info
        change(&changed)
        let set = try training(changed, samples)
        let error = #expect(throws: DataError.self) {
          try Contestant(set, testedOn: test, testName: "toy", fallback: .measured(on: test))
        }
        return error?.problem
      }
      for (mean, std) in [([0.5], [0.2]), ([0.5, 0.5, 0.5], [0.2, 0, 0.2]), ([0.5, 0.5, 0.5], [0.2, 0.2])]
        as [([Float], [Float])]
      {
        let problem = try problem { $0.normalization = Normalization(mean: mean, std: std) }
        #expect(problem?.contains("3 channels") == true)
      }
      for factor in [0, -1, 7, 9] {
        let problem = try problem { $0.formation = Formation(factor: factor) }
        #expect(problem?.contains("formation of \(factor)") == true)
      }
    }

    @Test func `baselines of other classes or sizes are refused`() throws {
      let (info, samples) = toySamples()
      let test = try store(info, samples)
      var renamed = info
      renamed.classNames = ["class1", "class0"]
      let (largeInfo, large) = toySamples(side: 16)
      for real in try [store(renamed, samples), store(largeInfo, large)] {
        #expect(throws: DataError.self) {
          try baselines(
            counts: [1, 1], from: real, testedOn: test, network: smallNetwork, seed: 1,
            in: RunContext(computeThread: BlockingThread(name: "unused")))
        }
      }
    }

    @Test func `the set's own normalisation and formation are used`() throws {
      var (info, samples) = toySamples()
      info.normalization = Normalization(mean: [0.1, 0.2, 0.3], std: [0.4, 0.5, 0.6])
      info.formation = Formation(factor: 2)
      let test = try store(info, samples)
      let contestant = try Contestant(training(info, samples), testedOn: test, testName: "toy", fallback: nil)
      #expect(contestant.normalization == Normalization(mean: [0.1, 0.2, 0.3], std: [0.4, 0.5, 0.6]))
      #expect(try contestant.set(0).formation.factor == 2)
    }

    @Test func `separable classes are learned and shuffled labels are not`() async throws {
      let thread = BlockingThread(name: "compute test")
      let (info, samples) = toySamples(perClass: [20, 20])
      let test = try store(info, samples)
      var recipe = TrainingProtocol.dc()
      recipe.epochs = 40
      let request = EvaluationRequest(recipe: recipe, repeats: 2, seed: 1, networks: [smallNetwork])
      let shuffled = samples.enumerated().map { index, sample -> Sample in
        var copy = sample
        copy.label = index % 2
        return copy
      }
      let rows = try await thread.run {
        Result {
          try [samples, shuffled].map { set in
            try evaluate(
              Contestant(training(info, set), testedOn: test, testName: "toy", fallback: .measured(on: test)), on: test,
              network: smallNetwork, request: request, in: RunContext(computeThread: thread))
          }
        }
      }.get()
      #expect(try #require(rows[0].mean) > 0.95)
      #expect(try #require(rows[1].mean) < 0.8)
      #expect(rows[0].accuracies.count == 2 && rows[0].std != nil && !rows[0].stoppedEarly)
      let classMean = rows[0].perClass.compactMap { $0 }.reduce(0, +) / 2
      #expect(abs(classMean - (rows[0].mean ?? 0)) < 1e-9)
      // Of two networks on 20 images of each class; what is on the diagonal is right.
      let confusion = try #require(rows[0].confusion)
      #expect(confusion.map { $0.values.reduce(0, +) } == [40, 40])
      #expect(confusion.enumerated().map { Double($1[$0] ?? 0) / 40 } == rows[0].perClass)
      let read = try decodeJSON(EvaluationResult.Row.self, from: encodeJSON(rows[0]), at: ["row"])
      #expect(read == rows[0])
    }

    @Test func `a training that is cut short counts for nothing`() async throws {
      let thread = BlockingThread(name: "compute test")
      let (info, samples) = toySamples()
      let test = try store(info, samples)
      let request = EvaluationRequest(recipe: .dc(), repeats: 3, seed: 1, networks: [smallNetwork])
      var stopped = RunContext(computeThread: thread)
      stopped.shouldStop = { true }
      let context = stopped
      let row = try await thread.run {
        Result {
          try evaluate(
            Contestant(training(info, samples), testedOn: test, testName: "toy", fallback: .measured(on: test)),
            on: test, network: smallNetwork, request: request, in: context)
        }
      }.get()
      #expect(row.accuracies.isEmpty && row.stoppedEarly && row.mean == nil && row.confusion == nil)
    }

    /// The factor of a stream comes with its end, and images of its size are known only then: all of it counts.
    @Test func `what was read is estimated before anything is trained`() throws {
      let (info, samples) = toySamples(perClass: [40, 40], side: 16)
      let test = try store(info, samples)
      let request = EvaluationRequest(recipe: .dc(), repeats: 2, seed: 1, networks: [smallNetwork])
      func estimate(factor: Int, machine: Int = .max, beside real: ClassStore? = nil) throws -> EvaluationEstimate {
        var time = 0.0
        let training = try TrainingImages(reading: LateSource(info, samples, factor: factor))
        return try EvaluationEstimate(
          training, on: test, beside: real, request: request, cacheDirectory: nil, machineMemory: machine
        ) {
          time += 1
          return time
        }
      }
      let (one, two) = (try estimate(factor: 1), try estimate(factor: 2))
      #expect(abs(two.seconds - 4 * one.seconds) < 1e-6 && one.featureSeconds == nil)
      #expect(one.decodedBytes == test.residentBytes)
      let limit = Int(one.memoryNeed.total) + one.decodedBytes
      #expect(throws: Never.self) { try estimate(factor: 1, machine: limit) }
      let error = #expect(throws: DataError.self) { try estimate(factor: 2, machine: limit) }
      #expect(error?.fault == .usage)
      #expect(throws: DataError.self) { try estimate(factor: 1, machine: limit, beside: test) }

      let beside = try estimate(factor: 1, beside: test)
      let features = try #require(beside.featureSeconds)
      // 200 batches of 256 images, forward and twice backward, at five sixths of a rate of 64 images a second.
      #expect(abs(features - 200 * 256 / 64 * 3 * 1.2) < 1e-6)
      #expect(abs(beside.seconds - 3 * one.seconds - features) < 1e-6)
      #expect(beside.decodedBytes == 2 * test.residentBytes)
    }

    @Test func `deviation is that of a sample`() {
      let row = EvaluationResult.Row(
        set: "x", network: "convnet", accuracies: [0.4, 0.5, 0.6], perClass: [], images: 1, trainedOn: 1, seconds: 0,
        stoppedEarly: false)
      #expect(abs((row.mean ?? 0) - 0.5) < 1e-12)
      #expect(abs((row.std ?? 0) - 0.1) < 1e-12)
    }
  }
}
