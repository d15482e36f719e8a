/// How the spectrograms of a dataset were made, and how their rows and columns map back to hertz and seconds.
///
/// A clip x of `clipSeconds` seconds becomes an image of one channel. Row 0 is the lowest frequency, column 0 the earliest time:
///
///     S[k, t] = | Σ_j w[j] x[t·hop + j − ⌊n/2⌋] exp(−2πi jk/n) |        k < (n + 1)/2, frames centred at t·hop, zeros outside of the clip
///     image   = log( resize(S with one column of zeros before it, and as many after it as make 128) + epsilon )
///
///     w  Hann window of n samples, periodic        resize  bilinear, pixel centres at half integers, no smoothing
///
/// At 16 kHz n = 255 and hop = 128, so that S has 128 rows and 125 columns. At other rates both scale, and n stays 2·hop − 1: 127 and 64 at
/// 8 kHz. The sums are not divided by anything.
/// Reference: Kim et al., "Dataset Condensation via Efficient Synthetic-Data Parameterization", ICML 2022, appendix B, and its code,
/// which calls librosa's `stft` with these numbers and defaults.
/// Deviations: that code resamples every clip to 16 kHz, where here window and hop scale, so that nothing is invented above half
/// the rate of the clip.
public struct Spectrogram: Sendable, Hashable, Codable {
  /// Samples per second of the clips, in hertz.
  public var sampleRate: Int
  /// Length in seconds to which every clip was cut, or padded with zeros at its end.
  public var clipSeconds: Double
  /// The window: `hann`, periodic.
  public var window: String
  /// Samples of the window and of the transform.
  public var nFft: Int
  /// Samples from one frame to the next.
  public var hopLength: Int
  /// What a value of the image is: `log(magnitude + epsilon)`, the natural logarithm.
  public var value: String
  /// What is added to a magnitude before the logarithm.
  public var epsilon: Double
  /// Frequency of row 0, in hertz.
  public var firstHertz: Double
  /// Hertz from one row to the next.
  public var hertzPerRow: Double
  /// Time of column 0 from the start of the clip, in seconds; below 0 where it is one of the columns before the clip.
  public var firstSeconds: Double
  /// Seconds from one column to the next.
  public var secondsPerColumn: Double

  /// Rates of which frames fit in `paddedColumns`, in hertz.
  public static let sampleRates = 4000...96_000
  /// Rows and columns of the image.
  public static let side = 64
  /// Columns before resizing.
  static let paddedColumns = 128
  /// Columns of zeros before the first frame.
  static let columnsBefore = 1

  /// The spectrogram of clips of a rate.
  ///
  /// - Precondition: The rate is one of `sampleRates`.
  public init(sampleRate: Int) {
    precondition(Self.sampleRates.contains(sampleRate), "\(sampleRate) Hz is outside of \(Self.sampleRates)")
    let hop = (sampleRate + 62) / 125
    let (rows, columns) = (Double(hop) / Double(Self.side), Double(Self.paddedColumns) / Double(Self.side))
    self.sampleRate = sampleRate
    clipSeconds = 1
    window = "hann"
    nFft = 2 * hop - 1
    hopLength = hop
    value = "log(magnitude + epsilon)"
    epsilon = 1e-3
    let (hertz, seconds) = (Double(sampleRate) / Double(nFft), Double(hop) / Double(sampleRate))
    firstHertz = (rows - 1) / 2 * hertz
    hertzPerRow = rows * hertz
    firstSeconds = ((columns - 1) / 2 - Double(Self.columnsBefore)) * seconds
    secondsPerColumn = columns * seconds
  }

  /// Samples of a clip.
  var clipLength: Int { sampleRate }
  /// Rows before resizing: frequencies from 0 up to half the rate.
  var bins: Int { (nFft + 1) / 2 }
  /// Frames of a clip.
  var frames: Int { 1 + (clipLength + 2 * (nFft / 2) - nFft) / hopLength }
}
