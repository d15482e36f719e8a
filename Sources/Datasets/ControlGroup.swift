internal import Glibc

/// What a container or a batch system allows this process, as the kernel's control groups say.
public enum ControlGroup {
  /// The first line of a setting, for the process's own group and for all groups above it, innermost first.
  ///
  /// - Parameters:
  ///   - file: the setting's name in the second version of control groups: `memory.max`.
  ///   - controller: who has it in the first version: `memory`.
  ///   - old: its name there: `memory.limit_in_bytes`.
  public static func settings(_ file: String, of controller: String, formerly old: String) -> [String] {
    var settings: [String] = []
    for line in systemFile("/proc/self/cgroup")?.split(separator: "\n") ?? [] {
      // `0::/path`, or in the first version `4:memory:/path`.
      let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
      guard parts.count == 3, parts[1].isEmpty || parts[1].split(separator: ",").contains(controller[...]) else {
        continue
      }
      let (root, file) = parts[1].isEmpty ? ("/sys/fs/cgroup", file) : ("/sys/fs/cgroup/\(controller)", old)
      var components = parts[2].split(separator: "/")
      while true {
        let text = systemFile(([root] + components.map(String.init) + [file]).joined(separator: "/"))
        if let text { settings.append(String(text.prefix { $0 != "\n" })) }
        if components.popLast() == nil { break }
      }
    }
    return settings
  }
}

/// A small file of the system, its first 64 KiB; nil where it cannot be read.
public func systemFile(_ path: String) -> String? {
  let descriptor = open(path, O_RDONLY | O_CLOEXEC)
  guard descriptor >= 0 else { return nil }
  defer { close(descriptor) }
  var bytes = [UInt8](repeating: 0, count: 1 << 16)
  var filled = 0
  while filled < bytes.count {
    let count = bytes.withUnsafeMutableBytes {
      read(descriptor, $0.baseAddress?.advanced(by: filled), $0.count - filled)
    }
    if count < 0 { return nil }
    if count == 0 { break }
    filled += count
  }
  return String(decoding: bytes[..<filled], as: UTF8.self)
}
