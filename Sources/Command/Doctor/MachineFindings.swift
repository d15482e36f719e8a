internal import Datasets
internal import Glibc

/// Processors, memory and limits of this process.
func machineFindings() -> [Finding] {
  [processorFinding(), threadFinding(), memoryFinding(), addressFinding(), descriptorFinding(), fileSizeFinding()]
    .compactMap { $0 }
}

/// Processors that the machine has, or that this process may use.
let processorCount = max(1, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))))

private func processorFinding() -> Finding {
  let description = systemFile("/proc/cpuinfo") ?? ""
  func line(_ name: String) -> String? {
    guard let line = description.split(separator: "\n").first(where: { $0.hasPrefix(name) }) else { return nil }
    return line.split(separator: ":", maxSplits: 1).last.map { String($0.drop { $0 == " " }) }
  }
  let model = line("model name") ?? "an unknown model"
  let known = Set((line("flags") ?? line("Features") ?? "").split(separator: " "))
  // What the kernels are compiled for; all of a name must be there.
  let sets: [(name: String, flags: [Substring])] = [
    ("AVX2", ["avx2", "fma"]), ("AVX-512", ["avx512f", "avx512bw", "avx512vl", "avx512dq"]),
    ("bfloat16", ["avx512_bf16"]), ("AMX", ["amx_bf16"]), ("NEON", ["asimd"]), ("SVE", ["sve"]),
  ]
  let found = sets.filter { $0.flags.allSatisfy(known.contains) }.map(\.name)
  let text =
    "\(counted(processorCount, "processor")), \(model), \(found.isEmpty ? "no vector instructions that are used" : found.joined(separator: ", "))"
  if let share = processorShare, share < Double(processorCount) {
    return Finding(
      "processors", .warning, "\(text); the control group allows \(fixed(share, 1)) of them",
      remedy: "compute with --threads \(max(1, Int(share)))")
  }
  #if arch(x86_64)
    if !found.contains("AVX2") {
      return Finding(
        "processors", .warning, text,
        remedy: "compute on a processor with AVX2; without it steps take several times as long")
    }
  #endif
  return Finding("processors", text)
}

/// How many processors' time the control group allows; nil for all of them.
private var processorShare: Double? {
  let shares = ControlGroup.settings("cpu.max", of: "cpu", formerly: "cpu.cfs_quota_us").compactMap {
    setting -> Double? in
    // `200000 100000`: so many microseconds in so many; the first version has the second number in another file, mostly this one.
    let numbers = setting.split(separator: " ").map { Double($0) ?? -1 }
    guard let quota = numbers.first, quota > 0 else { return nil }
    return quota / (numbers.count > 1 ? numbers[1] : 100_000)
  }
  return shares.min()
}

/// What the environment says of threads; nil where it says nothing.
private func threadFinding() -> Finding? {
  let names = ["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_WAIT_POLICY", "OMP_PROC_BIND"]
  let set = names.compactMap { name in variable(name).map { (name, $0) } }
  guard !set.isEmpty else { return nil }
  let text = set.map { "\($0)=\($1)" }.joined(separator: " ")
  if set.contains(where: { $0 == "OMP_WAIT_POLICY" && $1.uppercased() == "ACTIVE" }) {
    return Finding(
      "threads", .warning, "\(text): verbs that are joined by a pipe spin against each other",
      remedy: "unset OMP_WAIT_POLICY")
  }
  return Finding("threads", text)
}

private func memoryFinding() -> Finding {
  let memory = MachineMemory.resident
  let free = systemFile("/proc/meminfo")?.split(separator: "\n").first { $0.hasPrefix("MemAvailable:") }
    .flatMap { Int($0.filter(\.isNumber)) }.map { $0 << 10 }
  let machine = sysconf(Int32(_SC_PHYS_PAGES)) * sysconf(Int32(_SC_PAGESIZE))
  let limit = memory < machine ? ", which the control group allows of \(sizeText(machine))" : ""
  let text = "\(sizeText(memory))\(limit)" + (free.map { "; \(sizeText($0)) available on the machine" } ?? "")
  if memory < 256 << 20 {
    return Finding(
      "memory", .fault, "\(text); the tensor library does not start", remedy: "let it have at least 256 MiB")
  }
  if min(memory, free ?? memory) < 1 << 30 {
    return Finding(
      "memory", .warning, "\(text); learning needs about 1 GiB", remedy: "end other programs, or raise the limit")
  }
  return Finding("memory", text)
}

/// What is wrong with `ulimit -v`; nil where nothing is.
private func addressFinding() -> Finding? {
  guard let lack = Sibling.lack(threads: processorCount), MachineMemory.addressLimit != nil else { return nil }
  return Finding("addresses", .fault, lack.message, remedy: lack.hint)
}

private func descriptorFinding() -> Finding {
  let (now, most) = limits(RLIMIT_NOFILE)
  let text = "\(now.map(grouped) ?? "no limit") at once"
  guard let now, now < 64 else { return Finding("open files", text) }
  if most ?? .max >= 64 { return Finding("open files", .warning, text, remedy: "ulimit -n 64") }
  return Finding("open files", .fault, text, remedy: "have the limit on open files (ulimit -n) raised to at least 64")
}

/// What is wrong with `ulimit -f`; nil where files may grow as they like.
private func fileSizeFinding() -> Finding? {
  guard let now = limits(RLIMIT_FSIZE).now else { return nil }
  return Finding(
    "file size", .warning, "files may grow to \(sizeText(now)) only (ulimit -f)",
    remedy: "ulimit -f unlimited, or pipe shard --max-size below it")
}

/// A limit of the process, and how far it may raise it itself; nil for none.
private func limits(_ kind: __rlimit_resource) -> (now: Int?, most: Int?) {
  var limit = rlimit()
  guard getrlimit(__rlimit_resource_t(kind.rawValue), &limit) == 0 else { return (nil, nil) }
  return (Int(exactly: limit.rlim_cur), Int(exactly: limit.rlim_max))
}
