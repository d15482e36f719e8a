internal import CMat

/// A MATLAB file of which arrays are read.
final class MATFile {
  private let file: OpaquePointer
  // The file that libmatio opened by its descriptor's name.
  private let source: ByteSource
  private let path: String
  private let name: String

  /// What such files begin with, but for version 4, which has no signature.
  static let signature = Array("MATLAB ".utf8)

  /// Opens what a source holds, which libmatio has to position: a pipe goes through a spill file.
  init(_ source: ByteSource, limits: Limits) throws(DataError) {
    name = source.name
    guard try source.peek(Self.signature.count) == Self.signature else {
      throw DataError(
        .badInput, at: [name], "not a MATLAB file: it starts with \(hex(try source.peek(8)))", remedy: Remedy.getItAgain
      )
    }
    let whole = source.descriptorPath == nil ? try spilled(source, limits: limits) : source
    guard let path = whole.descriptorPath else {
      throw DataError(.io, at: [name], "cannot be positioned", remedy: "give a file with -i")
    }
    self.source = whole
    self.path = path
    var file: OpaquePointer?
    let problem = Self.message { cmat_open(path, &file, $0) }
    guard problem == nil, let file else { throw DataError(.badInput, at: [name], problem ?? "cannot be opened") }
    self.file = file
    if let damage = Self.message({ cmat_check(path, $0) }) {
      throw DataError(.badInput, at: [name], damage, remedy: Remedy.getItAgain)
    }
  }

  deinit { cmat_close(file) }

  /// The extents of an array, the first one varying fastest, and whether it is of unsigned bytes.
  ///
  /// - Throws: `DataError` (`.badInput`) where there is no such array. The file was found whole before, so it is another one than SVHN's.
  func find(_ array: String) throws(DataError) -> (extents: [Int], isBytes: Bool) {
    var info = cmat_info()
    if let problem = Self.message({ cmat_find(file, array, &info, $0) }) { throw other(problem, array) }
    let extents = withUnsafeBytes(of: info.extents) { Array($0.bindMemory(to: Int.self).prefix(info.rank)) }
    return (extents, info.is_bytes != 0)
  }

  /// Elements of the array of bytes that was found last.
  func bytes(_ range: Range<Int>) throws(DataError) -> [UInt8] {
    var problem: String?
    let bytes = [UInt8](unsafeUninitializedCapacity: range.count) { out, count in
      out.initialize(repeating: 0)
      problem = Self.message { cmat_read_bytes(file, range.lowerBound, range.count, out.baseAddress, $0) }
      count = problem == nil ? range.count : 0
    }
    if let problem { throw DataError(.badInput, at: [name], problem, remedy: Remedy.getItAgain) }
    return bytes
  }

  /// All elements of the array that was found last.
  func numbers(_ total: Int) throws(DataError) -> [Double] {
    var problem: String?
    let numbers = [Double](unsafeUninitializedCapacity: total) { out, count in
      out.initialize(repeating: 0)
      problem = Self.message { cmat_read_numbers(file, total, out.baseAddress, $0) }
      count = problem == nil ? total : 0
    }
    if let problem { throw DataError(.badInput, at: [name], problem, remedy: Remedy.getItAgain) }
    return numbers
  }

  /// The error for a file that lacks an array of SVHN's, or has another one under its name.
  private func other(_ problem: String, _ array: String) -> DataError {
    let names = self.names
    if names.contains(array) { return DataError(.badInput, at: [name], problem, remedy: Self.conversion) }
    // HDF5 finds nothing in a file of version 7.3 that was cut.
    guard !names.isEmpty else { return DataError(.badInput, at: [name], problem, remedy: Remedy.getItAgain) }
    if names.contains("digitStruct") {
      return DataError(
        .badInput, at: [name], "the boxes of SVHN's whole photographs, which are not read",
        remedy: "get the cropped digits, train_32x32.mat and test_32x32.mat")
    }
    return DataError(
      .badInput, at: [name],
      "a MATLAB file that is not SVHN's cropped digits, whose arrays are X and y: it has \(someOf(names))",
      remedy: Self.conversion)
  }

  /// What to do with other files.
  static let conversion =
    "save its images and labels as npz, with scipy.io.loadmat (or h5py, for version 7.3) and numpy.savez('data.npz', images=..., labels=...)"

  /// The names of the arrays in it; none where they cannot be found.
  private var names: [String] {
    let text = withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(CMAT_NAMES_SIZE)) { buffer -> String in
      guard let names = buffer.baseAddress else { return "" }
      cmat_names(file, path, names)
      return String(cString: names)
    }
    return text.split(separator: ",").map { $0.trimmed }
  }

  /// Runs a function of CMat; its error sentence, or nil where it succeeded.
  private static func message(_ body: (UnsafeMutablePointer<CChar>) -> Int32) -> String? {
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(CMAT_ERROR_SIZE)) { buffer in
      guard let error = buffer.baseAddress else { return "no memory" }
      error.pointee = 0
      return body(error) == 0 ? nil : String(cString: error)
    }
  }
}
