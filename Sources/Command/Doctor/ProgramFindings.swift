internal import Catalog
internal import Datasets
internal import Glibc

/// The programs, the tensor library, and the libraries that are loaded when they are needed.
func programFindings() -> [Finding] {
  [Finding("pipe", "\(ownPath() ?? "?"), \(toolVersion) (\(BuiltFrom.this.text))")] + tensorProgramFindings()
    + loadedLibraries.map(\.finding)
}

/// The program beside this one, and what it says of the tensor library after it was loaded.
private func tensorProgramFindings() -> [Finding] {
  let verbs = Catalog.verbs.filter(\.needsTensors).map(\.name).joined(separator: ", ")
  guard let sibling = Sibling.beside("pipe-compute") else {
    return [
      Finding(
        "pipe-compute", .fault, "not beside pipe: \(verbs) cannot run",
        remedy: "build it with `swift build -c release` (without PIPE_TORCH=0) and put both into the same folder")
    ]
  }
  let found = Finding("pipe-compute", sibling.path)
  let missing = sibling.libraries?.missing ?? []
  if !missing.isEmpty {
    let complaint = ProgramLibraries.complaint(missing)
    return [found, Finding("libtorch", .fault, "\(complaint.problem): \(verbs) cannot run", remedy: complaint.remedy)]
  }
  // Loaded under such a limit it may never come back.
  if let lack = Sibling.lack(threads: processorCount) {
    return [found, Finding("libtorch", .fault, "not tried: \(lack.message)", remedy: lack.hint)]
  }
  let end = sibling.run(["doctor", "--tensors", "--json"], seconds: 30)
  guard let report = FindingReport(json: end.output) else {
    let said = String(decoding: end.errors.prefix(300), as: UTF8.self).split(separator: "\n").first.map(String.init)
    return [
      found,
      Finding(
        "libtorch", .fault, "pipe-compute does not start: \(said ?? "exit code \(end.status)")",
        remedy: "reinstall it and libtorch from the same source"),
    ]
  }
  let version = report.findings.first { $0.topic == found.topic }?.text ?? "of an unknown version"
  let isOurs = version == "\(toolVersion) (\(BuiltFrom.this.text))"
  return [
    Finding(
      found.topic, isOurs ? .ok : .warning,
      "\(found.text), \(version)\(isOurs ? "" : ", is of another build than pipe")",
      remedy: isOurs ? nil : "install both from the same package or build")
  ] + report.findings.filter { $0.topic != found.topic }
}

/// What `pipe-compute` says of the libraries that it has loaded.
///
/// - Parameters:
///   - version: of libtorch, as it was built against.
///   - devices: where tensors can be: `CPU`, `CUDA`.
///   - files: the files that are mapped into the process.
///   - threads: threads that it computes with.
public func tensorFindings(version: String, devices: [String], files: [String], threads: Int) -> [Finding] {
  func named(_ prefixes: String...) -> [String] {
    files.filter { file in
      let name = file.split(separator: "/").last ?? ""
      return prefixes.contains { name.hasPrefix($0) } && name.contains(".so")
    }
  }
  var findings = [Finding("pipe-compute", "\(toolVersion) (\(BuiltFrom.this.text))")]
  let torch = named("libtorch_cpu").first ?? "?"
  findings.append(Finding("libtorch", "\(version), C++11 ABI, \(torch); tensors on \(devices.joined(separator: ", "))"))

  let fast = named("libopenblas", "libmkl_core", "libmkl_rt", "libblis", "libflexiblas", "libatlas")
  if let library = fast.first ?? named("libtorch_cpu").first(where: { _ in named("libblas").isEmpty }) {
    findings.append(Finding("BLAS", library == torch ? "within libtorch" : library))
  } else {
    findings.append(
      Finding(
        "BLAS", .warning, "\(named("libblas").first ?? "none"), the reference BLAS, is 25 times slower than OpenBLAS",
        remedy: "apt install libopenblas0-openmp"))
  }

  let runtimes = named("libgomp", "libiomp5", "libomp")
  let several = "\(runtimes.joined(separator: " and ")): two OpenMP runtimes in one process wait for one another"
  findings.append(
    runtimes.count > 1
      ? Finding("OpenMP", .warning, several, remedy: "apt install libopenblas0-openmp, and remove other flavours of it")
      : Finding("OpenMP", "\(runtimes.first ?? "none"), \(counted(threads, "thread"))"))
  return findings
}

/// The files that are mapped into this process, each once.
public func mappedFiles() -> [String] {
  var seen: Set<String> = []
  guard let file = fopen("/proc/self/maps", "re") else { return [] }
  defer { fclose(file) }
  var line: UnsafeMutablePointer<CChar>?
  var capacity = 0
  defer { free(line) }
  var files: [String] = []
  while getline(&line, &capacity, file) > 0 {
    guard let line else { break }
    let text = String(cString: line)
    guard let slash = text.firstIndex(of: "/") else { continue }
    let path = String(text[slash...].prefix { $0 != "\n" })
    if seen.insert(path).inserted { files.append(path) }
  }
  return files
}

/// A library that is loaded when the first file of its kind is read.
struct LoadedLibrary {
  var file: String
  var package: String
  var purpose: String

  var finding: Finding {
    if dlopen(file, RTLD_NOW | RTLD_LOCAL) != nil { return Finding(package, "\(file), for \(purpose)") }
    return Finding(
      package, .fault, "\(file) is not installed: \(purpose) cannot be read", remedy: "apt install \(package)")
  }
}

/// All of them, as the C sources name them.
let loadedLibraries = [
  LoadedLibrary(file: "libwebp.so.7", package: "libwebp7", purpose: "WebP images"),
  LoadedLibrary(file: "libwebpdemux.so.2", package: "libwebpdemux2", purpose: "animated WebP images"),
  LoadedLibrary(file: "libgif.so.7", package: "libgif7", purpose: "GIF images"),
  LoadedLibrary(file: "libtiff.so.6", package: "libtiff6", purpose: "TIFF images"),
  LoadedLibrary(file: "libsndfile.so.1", package: "libsndfile1", purpose: "WAV and FLAC sounds"),
  LoadedLibrary(file: "libmatio.so.11", package: "libmatio11", purpose: "MATLAB files"),
]
