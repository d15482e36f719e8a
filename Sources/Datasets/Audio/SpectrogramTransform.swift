internal import CAudio
internal import Glibc

/// Makes the image of a clip as `Spectrogram` says; one value serves several threads.
final class SpectrogramTransform: Sendable {
  let spectrogram: Spectrogram
  private let window: [Float]
  // Unsafe for the compiler only: the library never changes it.
  nonisolated(unsafe) private let transform: OpaquePointer

  init(_ spectrogram: Spectrogram) {
    self.spectrogram = spectrogram
    let length = spectrogram.nFft
    window = (0..<length).map { Float(0.5 - 0.5 * cos(2 * .pi * Double($0) / Double(length))) }
    guard let transform = caudio_transform_make(length) else {
      preconditionFailure("no memory for a transform of \(length) values")
    }
    self.transform = transform
  }

  deinit { caudio_transform_free(transform) }

  /// The image 1×64×64 of the samples of a clip, which are as many as its length says.
  func image(of samples: [Float]) -> FloatArray {
    let (rows, columns) = (spectrogram.bins, Spectrogram.paddedColumns)
    let magnitudes = magnitudes(of: samples)
    var padded = [Float](repeating: 0, count: rows * columns)
    for row in 0..<rows {
      for frame in 0..<spectrogram.frames {
        padded[row * columns + Spectrogram.columnsBefore + frame] = magnitudes[row * spectrogram.frames + frame]
      }
    }
    let side = Spectrogram.side
    let resized = bilinear(padded, height: rows, width: columns, toHeight: side, width: side)
    return FloatArray(shape: [1, side, side], values: resized.map { log($0 + Float(spectrogram.epsilon)) })
  }

  /// |STFT|: one row for every frequency, one column for every frame.
  ///
  /// Two frames are transformed at once, one as the real and one as the imaginary part z = a + ib of the input:
  /// A[k] = (Z[k] + Z*[n−k]) / 2 and B[k] = (Z[k] − Z*[n−k]) / 2i.
  func magnitudes(of samples: [Float]) -> [Float] {
    precondition(
      samples.count == spectrogram.clipLength, "a clip has \(spectrogram.clipLength) samples, not \(samples.count)")
    let (length, hop, frames, rows) = (spectrogram.nFft, spectrogram.hopLength, spectrogram.frames, spectrogram.bins)
    var result = [Float](repeating: 0, count: rows * frames)
    var input = [Float](repeating: 0, count: 2 * length)
    var output = [Float](repeating: 0, count: 2 * length)
    for first in stride(from: 0, to: frames, by: 2) {
      for part in 0..<2 {
        let start = (first + part) * hop - length / 2
        for index in 0..<length {
          let place = start + index
          let isInside = first + part < frames && samples.indices.contains(place)
          input[2 * index + part] = isInside ? window[index] * samples[place] : 0
        }
      }
      caudio_transform_apply(transform, input, &output)
      for row in 0..<rows {
        let mirror = row == 0 ? 0 : length - row
        let (re, im) = (output[2 * row], output[2 * row + 1])
        let (mirrorRe, mirrorIm) = (output[2 * mirror], output[2 * mirror + 1])
        result[row * frames + first] = hypot(re + mirrorRe, im - mirrorIm) / 2
        if first + 1 < frames { result[row * frames + first + 1] = hypot(im + mirrorIm, mirrorRe - re) / 2 }
      }
    }
    return result
  }
}

/// Values of `height`×`width` at another size: bilinear with pixel centres at half integers and no smoothing, as PyTorch's `interpolate`.
func bilinear(_ values: [Float], height: Int, width: Int, toHeight newHeight: Int, width newWidth: Int) -> [Float] {
  func taps(_ old: Int, _ new: Int) -> [(low: Int, high: Int, share: Float)] {
    (0..<new).map { place in
      let source = max(0, (Float(place) + 0.5) * (Float(old) / Float(new)) - 0.5)
      let low = min(Int(source), old - 1)
      return (low, min(low + 1, old - 1), source - Float(low))
    }
  }
  let across = taps(width, newWidth)
  var result: [Float] = []
  result.reserveCapacity(newHeight * newWidth)
  for (low, high, share) in taps(height, newHeight) {
    for column in across {
      func along(_ row: Int) -> Float {
        values[row * width + column.low] * (1 - column.share) + values[row * width + column.high] * column.share
      }
      result.append(along(low) * (1 - share) + along(high) * share)
    }
  }
  return result
}
