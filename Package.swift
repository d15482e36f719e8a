// swift-tools-version: 6.2
// The target list is the architecture: arrows point one way, from the top of this list to the bottom.
// `PIPE_TORCH=0` leaves out everything that needs tensors.
// `LIBTORCH=/path/to/torch` builds against that libtorch instead of Debian's (a pip-installed `torch` folder is one).
import Foundation
import PackageDescription

let environment = ProcessInfo.processInfo.environment
let withTorch = environment["PIPE_TORCH"] != "0"
let libtorch = environment["LIBTORCH"].flatMap { $0.isEmpty ? nil : $0 }
// The commit that `pipe version` names, as `Scripts/commit` prints it. Not `Context.gitInformation`: SwiftPM keeps that with
// the evaluated manifest, and would go on naming the commit of the first build.
let commit = (environment["PIPE_COMMIT"] ?? "").filter { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-") }

let strict: [SwiftSetting] = [
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
  .treatAllWarnings(as: .error),
]

func target(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .target(name: name, dependencies: dependencies, swiftSettings: strict)
}

func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .testTarget(name: name, dependencies: dependencies, swiftSettings: strict)
}

var products: [Product] = [.executable(name: "pipe", targets: ["pipe"])]

var targets: [Target] = [
  .executableTarget(name: "pipe", dependencies: ["Command"], swiftSettings: strict),
  target("Command", ["Catalog", "Shards", "Datasets", "Streaming", "CCommit"]),
  target("Catalog", []),
  target("Shards", ["Datasets", "Streaming", "CArchive", "CZlib", "CZstd", "CCrypto"]),
  target("Datasets", ["CArchive", "CAudio", "CImage", "CMat", "CZlib"]),
  target("Streaming", []),

  // One function that only its own file's compilation depends on: a new commit compiles one line.
  .target(name: "CCommit", publicHeadersPath: "include", cSettings: [.define("PIPE_COMMIT", to: "\"\(commit)\"")]),

  // C libraries. CImage is a C target because libpng reports errors by longjmp, which Swift cannot call across; CAudio because libsndfile
  // reads memory through callbacks, and is loaded when the first sound is read; CMat because libmatio is loaded so, too.
  .target(
    name: "CImage", publicHeadersPath: "include",
    linkerSettings: [.linkedLibrary("deflate"), .linkedLibrary("png"), .linkedLibrary("jpeg")]),
  .target(
    name: "CAudio", publicHeadersPath: "include",
    linkerSettings: [.linkedLibrary("kissfft-float")]),
  .target(name: "CMat", dependencies: ["CZlib"], publicHeadersPath: "include"),
  .systemLibrary(name: "CArchive", pkgConfig: "libarchive", providers: [.apt(["libarchive-dev"])]),
  .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
  .systemLibrary(name: "CZstd", pkgConfig: "libzstd", providers: [.apt(["libzstd-dev"])]),
  .systemLibrary(name: "CCrypto", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),

  tests("StreamingTests", ["Streaming"]),
  tests("DatasetsTests", ["Datasets", "CArchive"]),
  tests("ShardsTests", ["Shards", "Datasets", "Streaming"]),
  tests("CommandTests", ["Command", "Catalog", "Datasets", "Streaming", "pipe"]),
]

if withTorch {
  // Optimised in debug builds too: one kernel in it takes as long as the convolutions otherwise.
  var cxxSettings: [CXXSetting] = [.define("NDEBUG"), .unsafeFlags(["-O2"])]
  var linkerSettings: [LinkerSetting] = [.linkedLibrary("gomp")]
  let libraries = ["torch", "torch_cpu", "c10"]
  if let libtorch {
    cxxSettings.append(
      .unsafeFlags(["-I\(libtorch)/include", "-I\(libtorch)/include/torch/csrc/api/include", "-std=c++20"]))
    // By file, not by name: pkg-config puts the system's library folder, with Debian's libtorch, in front of any other.
    let files = libraries.map { "\(libtorch)/lib/lib\($0).so" } + ["-rpath", "\(libtorch)/lib"]
    linkerSettings.append(.unsafeFlags(files.flatMap { ["-Xlinker", $0] }))
  } else {
    cxxSettings.append(.unsafeFlags(["-std=c++17"]))
    linkerSettings += libraries.map { .linkedLibrary($0) }
  }
  products.append(.executable(name: "pipe-compute", targets: ["pipe-compute"]))
  targets += [
    .executableTarget(name: "pipe-compute", dependencies: ["ComputeCommand"], swiftSettings: strict),
    target(
      "ComputeCommand",
      ["Stages", "Methods", "Networks", "Tensors", "Command", "Catalog", "Shards", "Datasets", "Streaming"]),
    target("Stages", ["Methods", "Networks", "Tensors", "Shards", "Datasets", "Streaming"]),
    target("Methods", ["Networks", "Tensors", "Datasets"]),
    target("Networks", ["Tensors", "Datasets"]),
    target("Tensors", ["CTorch"]),
    .target(name: "CTorch", publicHeadersPath: "include", cxxSettings: cxxSettings, linkerSettings: linkerSettings),
    .target(name: "TensorTurn", dependencies: ["Tensors"], path: "Tests/TensorTurn", swiftSettings: strict),
    tests("TensorsTests", ["Tensors", "TensorTurn"]),
    tests("NetworksTests", ["Networks", "Tensors", "TensorTurn", "Datasets"]),
    tests("MethodsTests", ["Methods", "Networks", "Tensors", "TensorTurn", "Datasets"]),
    tests(
      "ComputeTests",
      [
        "ComputeCommand", "Stages", "Methods", "Networks", "Tensors", "TensorTurn", "Command", "Shards", "Datasets",
        "Streaming", "Catalog", "pipe", "pipe-compute",
      ]),
  ]
}

// What libFuzzer runs over the parsers: see Scripts/fuzz. Built with its sanitizers, and only there.
if environment["PIPE_FUZZ"] == "1" {
  targets.append(
    .executableTarget(
      name: "fuzz", dependencies: ["Shards", "Datasets"], path: "Tests/Fuzzing/Parsers",
      swiftSettings: strict + [.unsafeFlags(["-parse-as-library"])]))
}

// The streams alone: what the thread sanitizer looks at, see Scripts/test.
if environment["PIPE_STREAMS"] == "1" {
  products = []
  targets.removeAll { !["Streaming", "StreamingTests"].contains($0.name) }
}

let package = Package(name: "pipe", products: products, targets: targets, swiftLanguageModes: [.v6])
