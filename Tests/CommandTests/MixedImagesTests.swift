import Foundation
import Testing

/// Folders as people have them, through the built program: kinds of images, and samples that cannot be read.
@Suite struct MixedImagesTests {
  /// Makes the folder `in` of files of `image-kinds.tar.gz` under new names, and of bad ones.
  private func folder(_ files: [(name: String, kind: String)]) throws -> TemporaryFolder {
    let folder = try TemporaryFolder()
    let script = """
      import pathlib, sys, tarfile
      kinds = tarfile.open(sys.argv[1])
      for word in sys.argv[2:]:
          name, kind = word.split('=')
          path = pathlib.Path('in') / name
          path.parent.mkdir(parents=True, exist_ok=True)
          data = kinds.extractfile(kind.removeprefix('cut ').removesuffix('?')).read() if kind else b''
          path.write_bytes(data[:len(data) * 2 // 3] if kind.startswith('cut ') else data)
      """
    let words = files.map { "'\($0.name)=\($0.kind)'" }.joined(separator: " ")
    _ = try folder.file("make.py", script)
    let made = try shell("python3 make.py '\(fixtures.path)/image-kinds.tar.gz' \(words)", in: folder)
    try #require(made.status == 0, "\(made.text)")
    return folder
  }

  private func json(_ path: String, in folder: TemporaryFolder) throws -> [String: Any] {
    let data = try Data(contentsOf: folder.url.appending(path: path))
    return try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
  }

  private static let some = [
    ("a/1.jpg", "jpeg-RGB.jpg"), ("a/2.jpg", "cut jpeg-RGB.jpg"), ("b/3.jpg", "jpeg-RGB.jpg"), ("b/4.jpg", ""),
    ("b/5.jpg", "jpeg-L.jpg"),
  ]

  @Test func `the end of a shell pipe lists in its history what its beginning left out`() throws {
    let folder = try folder(Self.some)
    let run = try shell("set -o pipefail; pipe decode -i in --on-bad-sample skip | pipe shard -o out", in: folder)
    #expect(run.status == 0, "\(run.text)")
    #expect(run.text.contains("in: 2 of 5 samples cannot be read, and are left out"))
    let manifest = try json("out/pipe.manifest", in: folder)
    #expect(manifest["counts_per_class"] as? [Int] == [1, 2])
    #expect(manifest["fields"] as? [String] == ["jpg", "cls"])
    let step = try #require((manifest["provenance"] as? [[String: Any]])?.first)
    #expect((step["options"] as? [String: String])?["on-bad-sample"] == "skip")
    let skipped = try #require(step["skipped"] as? [String: Any])
    #expect(skipped["count"] as? Int == 2)
    let samples = try #require(skipped["samples"] as? [[String: String]])
    #expect(samples.map { $0["place"] } == ["a/2.jpg", "b/4.jpg"])
    #expect(samples.map { $0["key"] } == ["000000001", "000000003"])
    #expect(samples[1]["reason"] == "an empty file instead of an image")
    let inspected = try shell("pipe verify out && pipe inspect out", in: folder)
    #expect(inspected.status == 0)
    #expect(inspected.text.contains("left out 2 bad samples:\n       a/2.jpg: a damaged JPEG image ("))
  }

  @Test(arguments: [
    ("libwebp.so.7", "webp-lossless.webp", "libwebp7"), ("libtiff.so.6", "tiff-RGB.tif", "libtiff6"),
    ("libgif.so.7", "gif-palette.gif", "libgif7"),
  ]) func `a missing library makes no bad sample`(library: String, kind: String, package: String) throws {
    let ending = kind.drop { $0 != "." }
    let folder = try folder([("a/1.jpg", "jpeg-RGB.jpg"), ("b/2\(ending)", kind)])
    // The loader takes the first file of that name, which is no library here.
    let run = try shell(
      "mkdir lib && echo > lib/\(library) && LD_LIBRARY_PATH=$PWD/lib pipe shard -i in -o out --on-bad-sample skip; echo status $?; ls",
      in: folder)
    #expect(run.text.contains("status 74\n"), "\(run.text)")
    #expect(run.text.contains(package) && !run.text.contains("\nout\n"), "\(run.text)")
  }

  @Test func `without it all bad samples are listed and nothing is published`() throws {
    let folder = try folder(Self.some)
    for line in [
      "pipe shard -i in -o out", "set -o pipefail; pipe decode -i in | pipe shard -o out",
      "pipe shard -i in -o out --on-bad-sample skip --max-bad 1",
      "pipe shard -i in -o out --on-bad-sample skip --max-bad 39%",
    ] {
      let run = try shell(line, in: folder)
      #expect(run.status == 65, "\(line)")
      #expect(run.text.contains("a/2.jpg: a damaged JPEG image ("), "\(line)")
      #expect(run.text.contains("b/4.jpg: an empty file instead of an image"), "\(line)")
      #expect(run.text.contains("2 of 5 samples cannot be read"), "\(line)")
      #expect(!FileManager.default.fileExists(atPath: folder.url.appending(path: "out/pipe.manifest").path))
    }
    #expect(try shell("pipe shard -i in -o out --on-bad-sample skip --max-bad 40%", in: folder).status == 0)
  }

  @Test func `programs learn of each bad sample as an event`() throws {
    let folder = try folder(Self.some)
    let run = try shell("pipe shard -i in -o out --progress=json", in: folder)
    #expect(run.status == 65)
    #expect(
      run.text.contains(
        #"{"event":"bad_sample","verb":"shard","key":"000000003","place":"b/4.jpg","reason":"an empty file instead of an image"}"#
      ))
  }

  @Test(arguments: ["--max-bad 3", "--on-bad-sample skip --max-bad some", "--on-bad-sample skip --max-bad 101%"])
  func `a limit without meaning is refused`(_ options: String) throws {
    let run = try shell("pipe shard -i in -o out \(options)", in: try TemporaryFolder())
    #expect(run.status == 64)
    #expect(run.text.contains("--max-bad"))
  }

  /// The command of the documentation, on what made it fail: a grey JPEG and PNG files among colour ones.
  @Test func `grey and colour and JPEG and PNG files make one dataset`() throws {
    let folder = try folder([
      ("a/1.jpg", "jpeg-RGB.jpg"), ("a/2.jpg", "jpeg-L.jpg"), ("b/3.jpg", "jpeg-CMYK.jpg"),
      ("b/4.jfif", "jpeg-progressive.jpg"),
    ])
    let run = try shell(
      "set -o pipefail; tar c -C in . | pipe decode | pipe shard --zstd -o out && pipe verify out", in: folder)
    #expect(run.status == 0, "\(run.text)")
    #expect(run.text.contains("1 image is converted to PNG of 8-bit grey or RGB: 1 in CMYK"))
    #expect(try json("out/pipe.manifest", in: folder)["fields"] as? [String] == ["jpg;png", "cls"])
    #expect(try json("out/pipe.manifest", in: folder)["shape"] as? [Int] == [3, 24, 32])
    let again = try shell(
      "set -o pipefail; pipe cat out | pipe shard --fields png,cls -o all-png && pipe verify all-png", in: folder)
    #expect(again.status == 0, "\(again.text)")
    #expect(try json("all-png/pipe.manifest", in: folder)["fields"] as? [String] == ["png", "cls"])
  }

  @Test func `images of a dataset that was written before are turned as well`() throws {
    let folder = try folder([("a/1.jpg", "jpeg-RGB.jpg"), ("b/2.jpg", "jpeg-exif.jpg")])
    let run = try shell(
      """
      set -e
      pipe shard -i in -o stored
      pipe shard -i stored --exif-rotate -o upright
      pipe shard -i in --exif-rotate -o at-once
      pipe shard -i stored --exif-rotate --resize 16x20 -o small
      for set in stored upright at-once small; do pipe verify $set; done
      """, in: folder)
    #expect(run.status == 0, "\(run.text)")
    #expect(run.text.contains("1 image was turned upright by the EXIF orientation"))
    #expect(try json("stored/pipe.manifest", in: folder)["shape"] as? [Int] == [3, 24, 32])
    for set in ["upright", "at-once"] {
      #expect(try json("\(set)/pipe.manifest", in: folder)["shape"] == nil, "one stands, one lies")
      #expect(try json("\(set)/pipe.manifest", in: folder)["fields"] as? [String] == ["jpg;png", "cls"])
    }
    #expect(try json("small/pipe.manifest", in: folder)["shape"] as? [Int] == [3, 16, 20])
  }

  @Test func `every kind of image is read from WebDataset archives and from a pipe`() throws {
    let folder = try folder([
      ("w/0.webp", "webp-lossy.webp"), ("w/1.bmp", "bmp-RGB.bmp"), ("w/2.tif", "tiff-RGB.tif"),
      ("w/3.gif", "gif-palette.gif"),
      ("w/4.ppm", "pnm-p6.ppm"),
    ])
    let run = try shell(
      """
      set -eo pipefail
      for n in 0 1 2 3 4; do printf $((n % 2)) > in/w/$n.cls; done
      tar c --sort=name -C in/w . | pipe decode | pipe shard -o out
      pipe verify out
      """, in: folder)
    #expect(run.status == 0, "\(run.text)")
    #expect(
      run.text.contains("5 images are converted to PNG of 8-bit grey or RGB: 1 WebP, 1 GIF, 1 BMP, 1 TIFF, 1 PNM"))
    #expect(try json("out/pipe.manifest", in: folder)["shape"] as? [Int] == [3, 7, 11])
  }

  /// Sixty of the ten thousand photographs that `Scripts/draw-mixed-photographs` draws, read back by webdataset and Pillow.
  @Test(.enabled(if: ProcessInfo.processInfo.environment["PIPE_PYTHON"] != nil, "needs Pillow and webdataset"))
  func `mixed photographs arrive as Pillow sees them`() throws {
    let python = try #require(ProcessInfo.processInfo.environment["PIPE_PYTHON"])
    let script = fixtures.appending(path: "../Scripts/draw-mixed-photographs").standardized.path
    let folder = try TemporaryFolder()
    let run = try shell(
      """
      set -eo pipefail
      '\(python)' '\(script)' photos 60
      tar cf photos.tar photos
      pipe decode --on-bad-sample skip < photos.tar | pipe shard -o from-pipe
      pipe shard -i photos --on-bad-sample skip -o from-folder
      for dataset in from-pipe from-folder; do pipe verify $dataset; '\(python)' '\(script)' --check photos $dataset; done
      """, in: folder)
    #expect(run.status == 0, "\(run.text)")
  }
}
