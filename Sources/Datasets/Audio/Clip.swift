internal import CAudio

/// The bytes of a sound file: WAV or FLAC.
struct Clip {
  let bytes: [UInt8]

  /// Extensions of the files that are read.
  static let extensions: Set<String> = ["wav", "wave", "rf64", "flac"]
  /// Other sound files; passing over them in silence would lose data.
  static let foreignExtensions: Set<String> = [
    "mp2", "mp3", "ogg", "oga", "opus", "spx", "m4a", "aac", "aif", "aiff", "aifc", "au", "snd", "sph", "nist", "wma",
    "amr", "caf", "w64", "wv", "ape",
  ]

  /// The error for a sound file of another format; nil for every other file, going by its name.
  static func foreign(_ path: String, at place: [String]) -> DataError? {
    let basename = path.split(separator: "/").last.map(String.init) ?? path
    let kind = basename.lowercased().lastPart
    guard foreignExtensions.contains(kind), kind != basename.lowercased() else { return nil }
    return DataError(
      .badInput, at: place, "a sound file in the format \(kind); WAV and FLAC are read", remedy: "convert it")
  }

  /// Samples per second, in hertz, from the header.
  ///
  /// - Throws: `DataError` (`.badInput`), with an empty place, for a damaged header, a file of no samples, and a rate outside of
  ///   `Spectrogram.sampleRates`.
  func sampleRate() throws(DataError) -> Int {
    var info = caudio_info()
    try call { caudio_read_info($0, $1, &info, $2) }
    guard info.frames != 0 else { throw Self.empty }
    let rate = Int(info.sample_rate)
    guard Spectrogram.sampleRates.contains(rate) else {
      throw DataError(
        .badInput, at: [],
        "a clip of \(grouped(rate)) samples per second; \(grouped(Spectrogram.sampleRates.lowerBound)) to "
          + "\(grouped(Spectrogram.sampleRates.upperBound)) are read", remedy: "resample it, to 16,000 for instance")
    }
    return rate
  }

  /// The first `length` samples, the mean of the channels, full scale 1, zeros after the end; and how many the file has.
  ///
  /// - Throws: `DataError` (`.badInput`), with an empty place, for damage anywhere in the file.
  func samples(_ length: Int) throws(DataError) -> (samples: [Float], count: Int) {
    var samples = [Float](repeating: 0, count: length)
    var frames: Int64 = 0
    try call { caudio_decode($0, $1, &samples, length, &frames, $2) }
    guard frames > 0 else { throw Self.empty }
    return (samples, Int(frames))
  }

  private static let empty = DataError(.badInput, at: [], "a clip of no samples", remedy: "take it out")

  private func call(
    _ body: (UnsafePointer<UInt8>?, Int, UnsafeMutablePointer<CChar>) -> Int32
  ) throws(DataError) {
    let (status, message) = withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(CAUDIO_ERROR_SIZE)) {
      buffer -> (Int, String) in
      guard let error = buffer.baseAddress else { return (Int(CAUDIO_UNAVAILABLE), "no memory") }
      error.pointee = 0
      let status = bytes.withUnsafeBufferPointer { body($0.baseAddress, $0.count, error) }
      return (Int(status), String(cString: error))
    }
    guard status != CAUDIO_OK else { return }
    // A missing library is no fault of the clip, which must not be left out as a bad one.
    guard status != CAUDIO_UNAVAILABLE else { throw DataError(.io, at: [], message) }
    if let known = KnownFile(Array(bytes.prefix(512))) {
      throw DataError(
        .badInput, at: [], "\(known.what) instead of a clip\(known.reason)",
        remedy: known.isPointer ? known.remedy : "replace it, or take it out")
    }
    var sentence = message
    while let last = sentence.last, last == "." || last.isWhitespace { sentence.removeLast() }
    throw DataError(
      .badInput, at: [], "a clip that cannot be read (\(sentence))", remedy: "replace it, or take it out")
  }
}
