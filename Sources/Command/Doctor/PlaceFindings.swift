internal import Datasets
internal import Glibc

/// Folders that are written to unasked, and where text goes.
func placeFindings(_ terminal: Terminal) -> [Finding] {
  var temporary = [variable("TMPDIR") ?? "/tmp", variable("TMPDIR") ?? "/var/tmp"]
  if temporary[0] == temporary[1] { temporary.removeLast() }
  return [cacheFinding()] + temporary.map(temporaryFinding) + [localeFinding(), terminalFinding(terminal)]
}

/// Where trained networks are kept, by the rules of the verbs that keep them.
private func cacheFinding() -> Finding {
  var folder: String?
  if let base = variable("XDG_CACHE_HOME"), base.hasPrefix("/") {
    folder = "\(base)/pipe"
  } else if let home = variable("HOME"), home.hasPrefix("/") {
    folder = "\(home)/.cache/pipe"
  }
  guard let folder else {
    return Finding(
      "cache", .warning, "none: trained networks are not kept",
      remedy: "set HOME or XDG_CACHE_HOME to a folder, with a / in front")
  }
  var status = stat()
  if stat(folder, &status) == 0, status.st_mode & S_IFMT != S_IFDIR {
    return Finding(
      "cache", .warning, "\(folder) is not a folder: trained networks are not kept", remedy: "move it away")
  }
  // The nearest folder that is there is where it would be made.
  var place = folder
  while access(place, F_OK) != 0, let slash = place.lastIndex(of: "/"), place != "/" {
    place = slash == place.startIndex ? "/" : String(place[..<slash])
  }
  guard isWritable(place) else {
    return Finding(
      "cache", .warning, "\(place) is not writable: trained networks are not kept",
      remedy: "make it writable, or set XDG_CACHE_HOME to a folder that is")
  }
  if place != folder { return Finding("cache", "\(folder), made when a network is first kept") }
  let files = content(of: folder)
  let size = files.reduce(0) { $0 + $1.size }
  let old = files.filter { $0.name.hasSuffix(".partial") }
  let text = "\(folder), \(counted(files.count, "file")), \(sizeText(size))"
  guard !old.isEmpty else { return Finding("cache", text) }
  return Finding(
    "cache", .warning, "\(text); \(old[0].name) was left by a killed run or is being written",
    remedy: "remove it if no pipe runs")
}

/// A folder for files without a name.
private func temporaryFinding(_ folder: String) -> Finding {
  let fix = "set TMPDIR to a writable folder with space"
  guard isWritable(folder) else {
    return Finding("temporary", .fault, "\(folder) is not a folder that can be written to", remedy: fix)
  }
  var system = statvfs()
  guard statvfs(folder, &system) == 0 else { return Finding("temporary", folder) }
  // Some file systems name the largest number that there is.
  let (product, isEndless) = Int(clamping: system.f_bavail).multipliedReportingOverflow(
    by: Int(clamping: system.f_frsize))
  let free = isEndless ? Int.max : product
  // What lies there takes memory.
  let isMemory = ["tmpfs", "ramfs"].contains(fileSystem(of: folder))
  let text = "\(folder), \(sizeText(free)) free\(isMemory ? ", in memory" : "")"
  return free < 256 << 20 ? Finding("temporary", .warning, text, remedy: fix) : Finding("temporary", text)
}

/// The kind of file system that a folder lies in: `ext4`.
private func fileSystem(of folder: String) -> String? {
  var status = stat()
  guard stat(folder, &status) == 0 else { return nil }
  // As `major` and `minor`, macros that Swift does not see, take it apart.
  let device = "\(status.st_dev >> 8 & 0xfff):\(status.st_dev & 0xff | status.st_dev >> 12 & 0xfff00)"
  // `36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw`
  for line in systemFile("/proc/self/mountinfo")?.split(separator: "\n") ?? [] {
    let words = line.split(separator: " ")
    guard words.count > 3, words[2] == device, let dash = words.firstIndex(of: "-"), dash + 1 < words.count else {
      continue
    }
    return String(words[dash + 1])
  }
  return nil
}

private func localeFinding() -> Finding {
  let name = ["LC_ALL", "LC_CTYPE", "LANG"].compactMap { variable($0) }.first { !$0.isEmpty } ?? "C"
  // Names in archives are read in this one, whatever the environment says.
  guard let own = newlocale(LC_CTYPE_MASK, "C.UTF-8", nil) else {
    return Finding(
      "locale", .fault, "the C library has no locale C.UTF-8: names that are not ASCII cannot be read",
      remedy: "apt install libc-bin")
  }
  freelocale(own)
  guard let chosen = newlocale(LC_CTYPE_MASK, name, nil) else {
    return Finding("locale", .warning, "\(name) is not installed", remedy: "export LC_ALL=C.UTF-8")
  }
  freelocale(chosen)
  return Finding("locale", name)
}

private func terminalFinding(_ terminal: Terminal) -> Finding {
  let kind = variable("TERM") ?? "unset"
  let drawn = terminal.canDraw ? "a bar" : "no bar"
  let painted = terminal.color ? "colours" : "no colours"
  return Finding(
    "terminal",
    terminal.isError
      ? "\(terminal.width) columns, \(drawn), \(painted) (TERM \(kind))"
      : "the standard error is none: \(drawn), \(painted)")
}

/// Whether files can be made in it.
private func isWritable(_ folder: String) -> Bool {
  var status = stat()
  return stat(folder, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR && access(folder, W_OK | X_OK) == 0
}

private func content(of folder: String) -> [(name: String, size: Int)] {
  guard let stream = opendir(folder) else { return [] }
  defer { closedir(stream) }
  var files: [(name: String, size: Int)] = []
  while let entry = readdir(stream) {
    let name = withUnsafePointer(to: &entry.pointee.d_name) {
      $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
    }
    var status = stat()
    if name != ".", name != "..", lstat("\(folder)/\(name)", &status) == 0 { files.append((name, Int(status.st_size))) }
  }
  return files.sorted { $0.name < $1.name }
}
