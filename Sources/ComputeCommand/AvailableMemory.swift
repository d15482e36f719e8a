import Foundation

/// Bytes of memory that this process may have: the machine's, or less where a control group (a container, a batch system)
/// or `ulimit -v` says so.
func availableMemory() -> Int {
  var least = Int(clamping: ProcessInfo.processInfo.physicalMemory)
  for limit in controlGroupLimits() where limit > 0 { least = min(least, limit) }
  var limit = rlimit()
  if getrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limit) == 0 {
    least = min(least, Int(clamping: limit.rlim_cur))
  }
  return least
}

/// The limits of the process's control group and of all above it.
private func controlGroupLimits() -> [Int] {
  func number(_ path: String) -> Int? {
    (try? String(contentsOfFile: path, encoding: .utf8)).flatMap {
      Int($0.trimmingCharacters(in: .whitespacesAndNewlines))
    }
  }
  var limits: [Int] = []
  let lines = (try? String(contentsOfFile: "/proc/self/cgroup", encoding: .utf8))?.split(separator: "\n") ?? []
  for line in lines {
    // `0::/path`, or in the first version `4:memory:/path`.
    let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
    guard parts.count == 3, parts[1].isEmpty || parts[1].split(separator: ",").contains("memory") else { continue }
    let (root, file) =
      parts[1].isEmpty ? ("/sys/fs/cgroup", "memory.max") : ("/sys/fs/cgroup/memory", "memory.limit_in_bytes")
    var components = parts[2].split(separator: "/")
    while true {
      let folder = ([root] + components.map(String.init)).joined(separator: "/")
      if let limit = number("\(folder)/\(file)") { limits.append(limit) }
      if components.popLast() == nil { break }
    }
  }
  return limits
}
