import Datasets
import Foundation
import Stages
import Tensors
import Testing

extension ComputeTests {
  @Suite struct ClassStoreTests {
    @Test func `keeps every pixel under its class in archive order`() throws {
      let (info, samples) = toySamples()
      let store = try store(info, samples)
      #expect(store.classCount == 2 && store.count(ofClass: 0) == 12 && store.count(ofClass: 1) == 9)
      for label in 0..<2 {
        let own = samples.filter { $0.label == label }
        for (index, sample) in own.enumerated() {
          #expect(.pixels(store.pixels(ofClass: label, at: index)) == sample.content)
          #expect(store.key(ofClass: label, at: index) == sample.key)
        }
      }
    }

    @Test func `gathers planes in the order asked for`() throws {
      let pixels = Pixels(height: 1, width: 2, channels: 3, bytes: [1, 2, 3, 4, 5, 6])
      let other = Pixels(height: 1, width: 2, channels: 3, bytes: [11, 12, 13, 14, 15, 16])
      let store = try store(
        DatasetInfo(name: "two", classNames: ["only"]),
        [
          Sample(key: "a", content: .pixels(pixels), label: 0),
          Sample(key: "b", content: .pixels(other), label: 0),
        ])
      let gathered = store.images(ofClass: 0, at: [1, 0, 1])
      #expect(gathered.shape == [3, 3, 1, 2])
      #expect(gathered.bytes() == [11, 14, 12, 15, 13, 16, 1, 4, 2, 5, 3, 6, 11, 14, 12, 15, 13, 16])
    }

    @Test func `what does not fit into memory comes back from the spill file unchanged`() throws {
      // 1,100 images of 32 KB are five blocks of 8 MB; one of them may stay.
      let (info, samples) = toySamples(perClass: [600, 500], side: 104)
      let resident = try store(info, samples)
      let spilled = try store(info, samples, memoryLimit: 10 << 20)
      #expect(resident.spilledBytes == 0)
      #expect(spilled.spilledBytes > 20 << 20)
      #expect(resident.digest == spilled.digest)
      for (label, index) in [(0, 0), (0, 299), (0, 599), (1, 0), (1, 499)] {
        #expect(resident.pixels(ofClass: label, at: index) == spilled.pixels(ofClass: label, at: index))
      }
    }

    @Test func `the digest tells data apart and ignores keys`() throws {
      let (info, samples) = toySamples()
      let digest = try store(info, samples).digest
      var renamed = samples
      renamed[3].key = "other"
      #expect(try store(info, renamed).digest == digest)
      var relabelled = samples
      relabelled[0].label = 1
      #expect(try store(info, relabelled).digest != digest)
      var changed = samples
      changed[5].content = .pixels(Pixels(height: 8, width: 8, channels: 3, bytes: Array(repeating: 9, count: 192)))
      #expect(try store(info, changed).digest != digest)
    }

    @Test func `another image size is refused with both sizes and the key`() throws {
      let (info, samples) = toySamples()
      let odd = Sample(
        key: "odd", content: .pixels(Pixels(height: 8, width: 9, channels: 3, bytes: Array(repeating: 0, count: 216))),
        label: 0)
      let error = #expect(throws: DataError.self) { try store(info, samples + [odd]) }
      #expect(error?.description.contains("odd") == true)
      #expect(error?.problem.contains("8×8×3") == true && error?.problem.contains("8×9×3") == true)
      #expect(error?.fault == .badInput)
    }

    @Test func `a class without samples is refused by name`() throws {
      var (info, samples) = toySamples()
      info.classNames.append("empty one")
      let error = #expect(throws: DataError.self) { try store(info, samples) }
      #expect(error?.problem.contains("empty one") == true)
    }

    @Test func `no samples at all are refused`() throws {
      let (info, _) = toySamples()
      let error = #expect(throws: DataError.self) { try store(info, []) }
      #expect(error?.fault == .badInput)
    }

    @Test func `float samples are refused`() throws {
      let (info, samples) = toySamples()
      let float = Sample(
        key: "f", content: .floats(FloatArray(shape: [3, 8, 8], values: Array(repeating: 0.5, count: 192))), label: 0)
      #expect(throws: DataError.self) { try store(info, samples + [float]) }
    }
  }
}
