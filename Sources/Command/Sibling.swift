internal import Datasets
internal import Glibc

/// The program beside this one that links the tensor library.
struct Sibling {
  var path: String

  /// The program of that name in this executable's own folder; nil when it is not there or cannot be run.
  static func beside(_ name: String) -> Sibling? {
    guard let own = ownPath(), let slash = own.lastIndex(of: "/") else { return nil }
    let path = own[...slash] + name
    return access(String(path), X_OK) == 0 ? Sibling(path: String(path)) : nil
  }

  /// The shared libraries that it names; nil where it is a script.
  var libraries: ProgramLibraries? { ProgramLibraries(ofProgram: path) }

  /// What is not installed for it to run; nil where nothing is missing.
  ///
  /// The loader would say so in its own words, and end with 127.
  var absence: UsageError? {
    guard let missing = libraries?.missing, !missing.isEmpty else { return nil }
    let complaint = ProgramLibraries.complaint(missing)
    return UsageError(complaint.problem, hint: complaint.remedy)
  }

  /// What the limits on this process lack for loading the tensor library; nil where they suffice.
  ///
  /// Asked before it is loaded: its matrix library asks again and again, for ever, for a buffer that it is not given, partly
  /// before the first line of a program runs.
  ///
  /// - Parameter threads: threads that will compute.
  static func lack(threads: Int) -> UsageError? {
    // Measured with Debian's libtorch on two cores: 0.98 GB before anything is computed, 1.21 GB in a DM run on small images,
    // which hangs below 1.2 million kB. What a further thread takes is an estimate: a stack and a buffer.
    let addresses = 1_200_000 << 10 + max(0, threads - 2) * (96 << 20)
    if let limit = MachineMemory.addressLimit, limit < addresses {
      return UsageError(
        "the limit of \(grouped(limit >> 10)) kB on addresses (ulimit -v) is too low for the tensor library",
        hint: "raise it to at least \(addresses >> 10), as with ulimit -v \(addresses >> 10)")
    }
    let least = 256 << 20
    guard MachineMemory.resident < least else { return nil }
    return UsageError(
      "\(sizeText(MachineMemory.resident)) of memory are too few for the tensor library",
      hint: "let the container or control group have at least \(sizeText(least))")
  }

  /// Becomes that program, with the same arguments and streams; comes back only when that fails.
  func exec(_ words: [String]) {
    // Whoever has chosen how threads wait has chosen how long they spin.
    let spins = getenv("OMP_WAIT_POLICY") == nil
    for (name, value) in Self.environment where spins || name != "GOMP_SPINCOUNT" { setenv(name, value, 0) }
    var arguments: [UnsafeMutablePointer<CChar>?] = ([path] + words).map { strdup($0) }
    arguments.append(nil)
    execv(path, arguments)
    for argument in arguments { free(argument) }
  }

  /// Runs that program and keeps what it prints, up to what a pipe holds; one that is not done in time is killed.
  func run(_ words: [String], seconds: Int) -> (status: Int32, output: [UInt8], errors: [UInt8]) {
    var pipes: [[Int32]] = []
    for _ in 0..<2 {
      var ends: [Int32] = [-1, -1]
      guard pipe(&ends) == 0 else { break }
      for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
      _ = fcntl(ends[0], F_SETFL, O_NONBLOCK)
      pipes.append(ends)
    }
    defer { for end in pipes.joined() { close(end) } }
    guard pipes.count == 2 else { return (127, [], Array("no pipe could be made".utf8)) }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    for (index, ends) in pipes.enumerated() { posix_spawn_file_actions_adddup2(&actions, ends[1], Int32(index + 1)) }
    var process: pid_t = 0
    let failure = withCStrings([path] + words) { posix_spawn(&process, path, &actions, nil, $0, environ) }
    guard failure == 0 else { return (127, [], Array(String(cString: strerror(failure)).utf8)) }
    var status: Int32 = 0
    var waited = 0
    while waitpid(process, &status, WNOHANG) == 0 {
      if waited == seconds * 1000 { kill(process, SIGKILL) }
      usleep(1000)
      waited += 1
    }
    func content(_ end: Int32) -> [UInt8] {
      var bytes = [UInt8](repeating: 0, count: 1 << 16)
      let count = read(end, &bytes, bytes.count)
      return Array(bytes.prefix(max(0, count)))
    }
    return (status & 0x7f == 0 ? status >> 8 & 0xff : 128 + status & 0x7f, content(pipes[0][0]), content(pipes[1][0]))
  }

  /// Settings that a library reads when it is loaded, which is before our first line.
  ///
  /// What the user has set stays.
  ///
  /// The first two keep compute verbs in one shell pipe from spinning against each other: a thread that waits for another
  /// sleeps, but only after some 50 µs, as most waits are shorter than it takes to fall asleep and to be woken. The others
  /// keep large results in the heap: with glibc's defaults each is mapped anew, and faulting its pages in costs more than
  /// computing it.
  static let environment = [
    ("OMP_WAIT_POLICY", "PASSIVE"),
    ("GOMP_SPINCOUNT", "5000"),
    ("MALLOC_ARENA_MAX", "1"),
    ("MALLOC_MMAP_THRESHOLD_", "1073741824"),
    ("MALLOC_TRIM_THRESHOLD_", "2147483647"),
  ]
}

/// This executable's path, also after another file took its name.
func ownPath() -> String? {
  var target = [CChar](repeating: 0, count: Int(PATH_MAX) + 1)
  let count = readlink("/proc/self/exe", &target, Int(PATH_MAX))
  guard count > 0 else { return nil }
  let path = String(decoding: target[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
  // What the system appends to the path of a file that was replaced.
  let mark = " (deleted)"
  return path.hasSuffix(mark) ? String(path.dropLast(mark.count)) : path
}
