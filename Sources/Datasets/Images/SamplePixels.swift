extension Sample {
  /// The image as 8-bit pixels: decoded where it is encoded; floats (C×H×W, 1 = white) scaled, rounded, clamped.
  ///
  /// Throws `badInput` with the sample's key for a damaged image and for floats that are no image.
  public func pixels(limits: Limits = Limits()) throws(DataError) -> Pixels {
    switch content {
    case .pixels(let pixels):
      return pixels
    case .encoded(let image):
      do throws(DataError) {
        return try decodeImage(image, limits: limits)
      } catch {
        throw DataError(error.fault, at: ["sample \(key)"] + error.place, error.problem, remedy: error.remedy)
      }
    case .floats(let array):
      guard array.shape.count == 3, array.shape[0] == 1 || array.shape[0] == 3 else {
        throw DataError(
          .badInput, at: ["sample \(key)"], "an array of shape \(array.shape); an image is 1×H×W or 3×H×W")
      }
      return array.quantised()
    }
  }
}

extension Sample {
  /// The same with an RGB image where all others are of three channels and this one is a grey JPEG, which travels as it is.
  ///
  /// - Parameter channels: those of the dataset; nil where they are not known.
  /// - Throws: as `pixels`.
  public func unified(toChannels channels: Int?, limits: Limits = Limits()) throws(DataError) -> Sample {
    guard channels == 3, case .encoded(let image) = content, image.format == .jpg else { return self }
    let found = try located(["sample \(key)"]) { () throws(DataError) in try image.shape(limits: limits) }
    guard found[0] == 1 else { return self }
    var sample = self
    sample.content = .pixels(try pixels(limits: limits).inColour())
    return sample
  }
}

extension Pixels {
  /// The image as C×H×W floats, 1 = white.
  public var unitFloats: FloatArray {
    let area = height * width
    let values = [Float](unsafeUninitializedCapacity: channels * area) { buffer, count in
      for channel in 0..<channels {
        for position in 0..<area {
          buffer[channel * area + position] = Float(bytes[position * channels + channel]) / 255
        }
      }
      count = channels * area
    }
    return FloatArray(shape: [channels, height, width], values: values)
  }
}

extension FloatArray {
  /// C×H×W floats, 1 = white, as interleaved bytes; NaN becomes black.
  func quantised() -> Pixels {
    let (channels, height, width) = (shape[0], shape[1], shape[2])
    let plane = height * width
    let bytes = [UInt8](unsafeUninitializedCapacity: channels * plane) { out, count in
      values.withUnsafeBufferPointer { values in
        for channel in 0..<channels {
          for index in 0..<plane {
            let scaled = (values[channel &* plane &+ index] * 255).rounded()
            out[index &* channels &+ channel] = scaled > 0 ? (scaled < 255 ? UInt8(scaled) : 255) : 0
          }
        }
      }
      count = channels * plane
    }
    return Pixels(height: height, width: width, channels: channels, bytes: bytes)
  }
}
