internal import Datasets

/// Writes the samples of a dataset in the format of another program; used by one thread.
protocol ExportWriter: AnyObject, SendableMetatype {
  /// What the format makes of one sample, apart from all others: this runs on all cores.
  ///
  /// - Throws: `DataError` (`.badInput`) at the sample's key.
  static func encoder(
    _ layout: ExportLayout, _ info: DatasetInfo, _ options: ExportOptions
  ) -> @Sendable (Sample) throws(DataError) -> ExportedSample

  /// The fields of its samples, by name.
  var fields: [String: ExportDescription.Field] { get }
  /// Fields of the samples that are not written.
  var leftOut: [String] { get }

  /// Adds a sample.
  func write(_ sample: ExportedSample) throws(DataError)

  /// Writes what comes after the last sample; the description's counts are final.
  func finish(_ description: ExportDescription) throws(DataError)
}

extension ExportLayout {
  /// What the image is, for descriptions.
  var meaning: String {
    switch content {
    case .pixels: "8-bit pixels, channels first; 255 is white"
    case .floats: "float32 values, channels first, not normalised"
    case .files: "a PNG or JPEG file; a JPEG file may be grey where shape has three channels: decode it to RGB"
    case .png: "a PNG file"
    case .jpg: "a JPEG file; it may be grey where shape has three channels: decode it to RGB"
    }
  }
}
