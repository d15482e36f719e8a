internal import Glibc

/// The shared libraries that a program names, read from its file, and where the loader will look for them.
///
/// To say beforehand what the loader would say in its own words, with an exit code of its own.
struct ProgramLibraries {
  /// Their names: `libtorch.so.1.13`.
  var needed: [String]
  /// The folders that the program itself names.
  var ownFolders: [String]

  /// Reads an executable of this machine's kind; nil for any other file, such as a script.
  init?(ofProgram path: String) {
    guard let file = ELFFile(path) else { return nil }
    needed = file.strings(tagged: 1)
    let own = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
    // DT_RUNPATH, or DT_RPATH as older linkers wrote it.
    ownFolders = (file.strings(tagged: 29) + file.strings(tagged: 15)).flatMap { $0.split(separator: ":") }.map {
      String($0).replacing("$ORIGIN", with: own).replacing("${ORIGIN}", with: own)
    }
  }

  /// The libraries that the loader would not find.
  var missing: [String] { needed.filter { place(of: $0) == nil } }

  /// The file that the loader takes for a name, or the name alone where only the loader knows; nil where it finds none.
  func place(of name: String) -> String? {
    let chosen = variable("LD_LIBRARY_PATH")?.split(separator: ":").map(String.init) ?? []
    for folder in ownFolders + chosen + Self.systemFolders where access("\(folder)/\(name)", R_OK) == 0 {
      return "\(folder)/\(name)"
    }
    // Elsewhere only the loader's own cache knows.
    guard dlopen(name, RTLD_LAZY) != nil else { return nil }
    return name
  }

  private static let systemFolders: [String] = {
    #if arch(x86_64)
      let machine = "x86_64-linux-gnu"
    #elseif arch(arm64)
      let machine = "aarch64-linux-gnu"
    #else
      let machine = "."
    #endif
    return ["/lib/\(machine)", "/usr/lib/\(machine)", "/lib64", "/usr/lib64", "/lib", "/usr/lib", "/usr/local/lib"]
  }()

  /// One sentence about libraries that are missing, and what to do.
  static func complaint(_ missing: [String]) -> (problem: String, remedy: String) {
    let torch = missing.first { $0.hasPrefix("libtorch") } ?? missing.first { $0.hasPrefix("libc10") }
    let problem =
      torch.map { "libtorch, the tensor library, is not installed (\($0) is missing)" }
      ?? "the library \(missing[0]) is not installed"
    // Debian names the package after the version, which the library's name ends with.
    if let version = torch?.firstMatch(of: /^lib(?:torch|torch_cpu|c10)\.so\.([0-9.]+)$/)?.output.1 {
      // Without OpenBLAS apt would take the reference BLAS, which is 25 times slower.
      return (problem, "apt install libtorch\(version) libopenblas0-openmp")
    }
    let isDebians = torch == nil && missing.contains("libgomp.so.1")
    return (problem, isDebians ? "apt install libgomp1" : "install it, or name its folder in LD_LIBRARY_PATH")
  }
}

/// The dynamic section of a 64-bit little-endian ELF file.
private struct ELFFile {
  private var entries: [(tag: Int, value: Int)] = []
  private var names: [UInt8] = []

  init?(_ path: String) {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    func bytes(_ count: Int, at offset: Int) -> [UInt8]? {
      guard (1...(1 << 24)).contains(count), offset >= 0 else { return nil }
      var buffer = [UInt8](repeating: 0, count: count)
      return pread(descriptor, &buffer, count, off_t(offset)) == count ? buffer : nil
    }
    // Class 2 has 64 bits, data 1 is little-endian.
    guard let head = bytes(64, at: 0), head[..<6] == [0x7f, 0x45, 0x4c, 0x46, 2, 1] else { return nil }
    let size = number(head, 54, bytes: 2)
    guard size == 56, let table = bytes(size * number(head, 56, bytes: 2), at: number(head, 32)) else { return nil }
    let segments = stride(from: 0, to: table.count, by: size).map { start in
      (
        kind: number(table, start, bytes: 4), offset: number(table, start + 8), address: number(table, start + 16),
        count: number(table, start + 32)
      )
    }
    guard let dynamic = segments.first(where: { $0.kind == 2 }), let list = bytes(dynamic.count, at: dynamic.offset)
    else { return nil }
    entries = stride(from: 0, to: list.count - 15, by: 16).map { (number(list, $0), number(list, $0 + 8)) }
    let address = entries.first { $0.tag == 5 }?.value ?? -1
    guard
      let segment = segments.first(where: { $0.kind == 1 && address >= $0.address && address - $0.address < $0.count }
      ),
      let count = entries.first(where: { $0.tag == 10 })?.value,
      let text = bytes(count, at: segment.offset + address - segment.address)
    else { return nil }
    names = text
  }

  func strings(tagged tag: Int) -> [String] {
    entries.filter { $0.tag == tag && names.indices.contains($0.value) }.map { entry in
      String(decoding: names[entry.value...].prefix { $0 != 0 }, as: UTF8.self)
    }
  }
}

/// A little-endian number; one that Int cannot hold is -1.
private func number(_ bytes: [UInt8], _ start: Int, bytes count: Int = 8) -> Int {
  var value: UInt64 = 0
  for byte in bytes[start..<start + count].reversed() { value = value << 8 | UInt64(byte) }
  return Int(exactly: value) ?? -1
}
