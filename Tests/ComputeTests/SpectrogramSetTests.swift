import Datasets
import Foundation
import Methods
import Shards
import Stages
import Tensors
import Testing

extension ComputeTests {
  /// Sets whose samples are floats of any range: spectrograms.
  @Suite struct SpectrogramSetTests {
    /// Two classes of noise around −5 and −3, which 8 bits cannot hold.
    private func sounds(_ perClass: [Int] = [12, 9], side: Int = 8) -> (info: DatasetInfo, samples: [Sample]) {
      var samples: [Sample] = []
      for (label, count) in perClass.enumerated() {
        for index in 0..<count {
          var random = RandomSource(seed: 5).split("sound", label, index)
          let values = random.normal(side * side).map { 2 * Float(label) - 5 + 0.7 * $0 }
          samples.append(
            Sample(
              key: "s\(label)x\(index)", content: .floats(FloatArray(shape: [1, side, side], values: values)),
              label: label))
        }
      }
      return (
        DatasetInfo(
          name: "sounds", classNames: (0..<perClass.count).map { "class\($0)" }, shape: [1, side, side],
          spectrogram: Spectrogram(sampleRate: 8000)), samples
      )
    }

    @Test func `a store gives back every value`() throws {
      let (info, samples) = sounds()
      let store = try store(info, samples)
      #expect(store.isSpectrogram && store.shape == ImageShape(channels: 1, height: 8, width: 8))
      for label in 0..<2 {
        let own = samples.filter { $0.label == label }
        for (index, sample) in own.enumerated() { #expect(store.content(ofClass: label, at: index) == sample.content) }
        let tensor = store.images(ofClass: label, at: [2, 0])
        #expect(tensor.dtype == .float32 && tensor.shape == [2, 1, 8, 8])
        let values = own.map { sample -> [Float] in
          guard case .floats(let array) = sample.content else { return [] }
          return array.values
        }
        #expect(tensor.floats() == values[2] + values[0])
      }
    }

    @Test func `what does not fit into memory comes back from the spill file unchanged`() throws {
      let (info, samples) = sounds([300, 200], side: 104)
      let resident = try store(info, samples)
      let spilled = try store(info, samples, memoryLimit: 10 << 20)
      #expect(resident.residentBytes == 500 * 104 * 104 * 4 && resident.spilledBytes == 0)
      #expect(spilled.spilledBytes > 8 << 20)
      #expect(resident.digest == spilled.digest)
      for (label, index) in [(0, 0), (0, 299), (1, 0), (1, 199)] {
        #expect(resident.content(ofClass: label, at: index) == spilled.content(ofClass: label, at: index))
      }
    }

    @Test func `images among spectrograms, and values that are not finite, are refused`() throws {
      let (info, samples) = sounds()
      let image = Sample(
        key: "i", content: .pixels(Pixels(height: 8, width: 8, channels: 1, bytes: Array(repeating: 1, count: 64))),
        label: 0)
      #expect(throws: DataError.self) { try store(info, samples + [image]) }
      let broken = Sample(
        key: "n", content: .floats(FloatArray(shape: [1, 8, 8], values: Array(repeating: .nan, count: 64))), label: 0)
      let error = #expect(throws: DataError.self) { try store(info, samples + [broken]) }
      #expect(error?.description.contains("sample n: contains NaN") == true)
    }

    @Test func `normalisation is mean and deviation of all values`() throws {
      let (info, samples) = sounds()
      let store = try store(info, samples)
      let values = samples.flatMap { sample -> [Double] in
        guard case .floats(let array) = sample.content else { return [] }
        return array.values.map(Double.init)
      }
      let mean = values.reduce(0, +) / Double(values.count)
      let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count)
      let found = Normalization.measured(on: store)
      #expect(abs(Double(found.mean[0]) - mean) < 1e-6 && abs(Double(found.std[0]) - variance.squareRoot()) < 1e-6)
      let normal = try found.normalized(bytes: store.images(ofClass: 0, at: [0])).floats()
      guard case .floats(let first) = samples[0].content else { return }
      for (one, other) in zip(normal, first.values) {
        #expect(abs(one - (other - found.mean[0]) / found.std[0]) < 1e-5)
      }
    }

    @Test(arguments: ["random", "herding", "k-center"])
    func `a selection keeps the exact values`(name: String) throws {
      let (info, samples) = sounds()
      let store = try store(info, samples)
      let options = name == "random" ? [:] : ["feature-steps": "2"]
      let request = try smallRequest(name, options, budget: Budget(rest: 3))
      let synthetic = try condensed(request, store, info)
      let chosen = Stages.samples(from: synthetic, selectedFrom: store)
      #expect(chosen.count == 6)
      for sample in chosen {
        #expect(samples.contains { $0.content == sample.content && $0.label == sample.label })
      }
      #expect(synthetic.images.floats().min()! < -2)
    }

    /// Nothing is clamped: the learned values stay in the range of the real ones, far from 0…1.
    @Test(arguments: ["dm", "m3d", "koopcon"]) func `learned sets have the range of the data`(name: String) throws {
      let (info, samples) = sounds([12, 9], side: 16)
      let store = try store(info, samples)
      var options = ["steps": "3"]
      if name != "koopcon" { options["factor"] = "1" }
      let request = try smallRequest(name, options)
      let synthetic = try condensed(request, store, info)
      let values = synthetic.images.floats()
      #expect(values.count == 4 * 256 && values.allSatisfy(\.isFinite))
      let mean = values.reduce(0, +) / Float(values.count)
      #expect(mean > -6 && mean < -2)
    }

    private func condensed(_ request: CondenseRequest, _ store: ClassStore, _ info: DatasetInfo) throws -> Synthetic {
      var method = request.method
      let task = MethodTask(
        dataset: info.name, shape: store.shape, isSpectrogram: true, counts: [2, 2], available: [12, 9])
      try method.decide(for: task)
      let counts = try request.budget.counts(classNames: info.classNames, dataset: info.name)
      return try method.condense(
        store, counts: counts, normalization: Normalization.measured(on: store), using: RandomSource(seed: 1),
        control: RunControl()
      ).synthetic
    }

    @Test func `spectrograms are not augmented unless asked for`() throws {
      var task = MethodTask(
        dataset: "sounds", shape: ImageShape(channels: 1, height: 64, width: 64), isSpectrogram: true, counts: [1, 1],
        available: [5, 5])
      var method = DistributionMatching()
      try method.decide(for: task)
      #expect(method.recorded["augment"] == "none" && method.recorded["depth"] == "4")
      method = DistributionMatching()
      try method.set("augment", to: "crop_cutout")
      try method.decide(for: task)
      #expect(method.recorded["augment"] == "crop_cutout")
      task.isSpectrogram = false
      method = DistributionMatching()
      try method.decide(for: task)
      #expect(method.recorded["augment"] == "color_crop_cutout_scale_rotate")
      #expect(TrainingProtocol.idc().withoutAugmentation.augmentation == .none)
      #expect(TrainingProtocol.idc().withoutAugmentation.cutMixProbability == 0)
      #expect(TrainingProtocol.idc().withoutAugmentation.name == "P-IDC without augmentation")
      #expect(TrainingProtocol.dc().withoutAugmentation == .dc())
    }

    // MARK: The built program

    private let reading = "--label-pattern '{label}_*' --test-pattern '*_[01].*'"

    @Test func `tones go from files to shards and through a network`() throws {
      let scratch = try Scratch()
      let run = try ComputeTests.shell(
        """
        set -e
        pipe decode -q -i $F/tones.tar.gz \(reading) -o tones.wire
        pipe condense -q --method dm --ipc 2 --steps 2 --width 8 -i tones.wire | pipe shard -q -o small
        pipe condense -q --method dm --ipc 2 --steps 2 --width 8 \(reading) < $F/tones.tar.gz | pipe shard -q -o again
        cmp small/*.tar again/*.tar
        pipe verify -q small && pipe inspect small && pipe preview small -q -o sheet.png
        pipe cat -q small | pipe shard -q -o copy && diff -r small copy
        pipe evaluate -q --train small --test $F/tones.tar.gz \(reading) --epochs 2 --repeats 1 --width 8 --baselines --json
        """, in: scratch.folder)
      #expect(run.status == 0, "\(run.errors)")
      #expect(run.output.contains("rows of 63.0 Hz from 0.0 Hz on, columns of 16.0 ms"))
      #expect(run.output.contains("\"protocol\" : \"P-DSA without augmentation\""))
      let manifest = try Manifest(inFolder: scratch.folder.appending(path: "small").path)
      #expect(manifest.spectrogram == Spectrogram(sampleRate: 8000) && manifest.fields == ["npy", "cls"])
      #expect(
        manifest.provenance.last?.options["augment"] == "none" && manifest.provenance.last?.options["depth"] == "4")
    }

    @Test(arguments: [
      ("pipe expand --method augment --ratio 2 -i t.wire -o x", 65, "spectrograms"),
      ("pipe fit --method koopcon --ipc 2 --steps 1 -i t.wire -o x", 65, "spectrograms"),
      (
        "pipe condense --method random --ipc 2 --label-pattern '{label}_*' -i t.wire -o x", 64,
        "its samples have their labels"
      ),
      (
        "pipe condense --method random --ipc 2 --resize 32 --label-pattern '{label}_*' -i $F/tones.tar.gz -o x", 64,
        "resized"
      ),
      (
        "pipe evaluate --train images --test $F/tones.tar.gz --label-pattern '{label}_*' --epochs 1", 65,
        "spectrograms of 8,000 Hz"
      ),
    ]) func `what cannot be done with sound is said`(line: String, status: Int, words: String) throws {
      let scratch = try Scratch()
      let run = try ComputeTests.shell(
        """
        pipe decode -q -i $F/tones.tar.gz --label-pattern '{label}_*' -o t.wire
        mkdir f && tar xzf $F/tones.tar.gz -C f
        for class in fall high low rise; do mkdir -p p/$class; for n in 1 2; do
          tar xzf $F/shapes-folder.tar.gz -O shapes/train/ring/000.png > p/$class/$n.png; done; done
        pipe shard -q -i p -o images
        \(line)
        """, in: scratch.folder)
      #expect(run.status == Int32(status), "\(run.errors)")
      #expect(run.errors.contains(words), "\(run.errors)")
    }
  }
}
