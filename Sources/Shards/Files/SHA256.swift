internal import CCrypto
public import Datasets
internal import Glibc

/// A running SHA-256, computed by libcrypto, which uses the processor's own instructions where it has them.
///
/// Feed it long runs: a call costs more than the hashing of a few hundred bytes.
public final class SHA256 {
  private let context: OpaquePointer

  /// Begins with nothing fed.
  public init() {
    guard let context = EVP_MD_CTX_new() else { preconditionFailure("libcrypto gave no digest context") }
    self.context = context
    precondition(EVP_DigestInit_ex(context, EVP_sha256(), nil) == 1, "libcrypto has no SHA-256")
  }

  deinit {
    EVP_MD_CTX_free(context)
  }

  /// Feeds a run of bytes.
  public func update(_ bytes: UnsafeRawBufferPointer) {
    guard bytes.count > 0 else { return }
    precondition(EVP_DigestUpdate(context, bytes.baseAddress, bytes.count) == 1, "libcrypto refused to hash")
  }

  /// The digest of everything fed so far, 64 hexadecimal digits; the last call on this value.
  public func finish() -> String {
    var digest = [UInt8](repeating: 0, count: 32)
    var length: UInt32 = 0
    precondition(EVP_DigestFinal_ex(context, &digest, &length) == 1 && length == 32, "libcrypto refused to hash")
    let digits = Array("0123456789abcdef".utf8)
    return String(decoding: digest.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
  }
}

/// The SHA-256 of some bytes as 64 lower-case hexadecimal digits.
public func sha256(_ bytes: [UInt8]) -> String {
  let hash = SHA256()
  bytes.withUnsafeBytes { hash.update($0) }
  return hash.finish()
}

/// The SHA-256 of a file, as `sha256sum` prints it; memory does not grow with the file.
///
/// - Throws: `DataError` (`.noInput`, `.io`) when the file cannot be opened or read.
public func sha256(ofFile path: String) throws(DataError) -> String {
  guard let digest = try sha256(of: try FileInput(path)) else { preconditionFailure("a hash was stopped by nobody") }
  return digest
}

/// The SHA-256 of a file from where it stands; nil when `isCancelled` says so, which is asked now and then.
func sha256(of file: FileInput, isCancelled: () -> Bool = { false }) throws(DataError) -> String? {
  let hash = SHA256()
  let chunk = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 18, alignment: 64)
  defer { chunk.deallocate() }
  while true {
    let count = try file.read(into: chunk)
    if isCancelled() { return nil }
    if count == 0 { return hash.finish() }
    hash.update(UnsafeRawBufferPointer(rebasing: chunk[..<count]))
  }
}
