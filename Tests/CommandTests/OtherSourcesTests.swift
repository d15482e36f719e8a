import Foundation
import Testing

/// The programs in examples/ that bring datasets of other libraries, and lists of inputs on the command line.
@Suite struct OtherSourcesTests {
  private static let examples = fixtures.appending(path: "../examples").standardized.path

  /// A Python that has what is imported; nil where none has it.
  ///
  /// `PIPE_PYTHON` has NumPy, Pillow, pyarrow and webdataset.
  private static func python(with modules: String) -> String? {
    let candidates = [ProcessInfo.processInfo.environment["PIPE_PYTHON"], "/usr/bin/python3"].compactMap(\.self)
    return candidates.first { python in
      (try? run(["-c", "import \(modules)"], program: URL(filePath: python)).status) == 0
    }
  }

  /// Their class names, formation and normalisation are in the manifest, which no reader of tars looks at.
  @Test func `a folder or an archive with a dataset in it is refused, and not read without its manifest`() throws {
    let folder = try TemporaryFolder()
    let made = try shell(
      "pipe shard -q -i \(fixtures.path)/shapes-webdataset.tar -o set && mkdir par && cp -r set par/ && tar czf set.tgz set",
      in: folder)
    try #require(made.status == 0, "\(made.text)")
    for (name, words) in [("par", "name one of them"), ("set.tgz", "unpack it")] {
      let refused = try shell("pipe shard -i \(name) -o out", in: folder)
      #expect(refused.status == 65 && refused.text.contains(words), "\(refused.text)")
    }
    let asTyped = try shell(
      "pipe shard -q -i set.tgz --layout webdataset -o out && pipe shard -q -i set -o same", in: folder)
    #expect(asTyped.status == 0, "\(asTyped.text)")
  }

  @Test func `a number is no index where all classes are numbers`() throws {
    let folder = try TemporaryFolder()
    let outcome = try shell(
      """
      for c in 1 2 10; do mkdir -p p/$c; tar xOf \(fixtures.path)/shapes-webdataset.tar --wildcards '*.png' --occurrence=1 > p/$c/a.png; done
      pipe shard -q -i p -o set; pipe cat --filter class=0 set > x; echo $?; pipe cat -q --filter class=10 set | tar xO --wildcards '*.cls'
      """, in: folder)
    #expect(outcome.text.contains("has no class") && outcome.text.contains("65\n"), "\(outcome.text)")
  }

  @Test(.enabled(if: python(with: "numpy, PIL, pyarrow") != nil))
  func `a Parquet file of images arrives with its classes, pixels and labels`() throws {
    let python = try #require(Self.python(with: "numpy, PIL, pyarrow"))
    let folder = try TemporaryFolder()
    let script = try folder.file(
      "make.py",
      """
      import io, json, numpy, pyarrow as pa, pyarrow.parquet as pq
      from PIL import Image
      def image(n, kind):
          file = io.BytesIO()
          Image.fromarray(numpy.full((4, 4, 3), [n, 2 * n, 3 * n], "uint8")).save(file, kind)
          return {"bytes": file.getvalue(), "path": None}
      features = {"img": {"_type": "Image"}, "label": {"names": ["zebra", "ant"], "_type": "ClassLabel"}}
      table = pa.table({"img": [image(n, "PNG") for n in range(3)], "label": [1, 0, 1]})
      pq.write_table(table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})}), "a.parquet")
      pq.write_table(pa.table({"img": [image(0, "PNG")], "label": [[0, 1]]}), "several.parquet")
      """)
    let made = try shell("\(python) \(script.path)", in: folder)
    #expect(made.status == 0, "\(made.text)")
    let outcome = try shell(
      "\(python) \(Self.examples)/from_huggingface.py a.parquet | pipe shard -q -o out && pipe inspect --json out"
        + " && tar xf out/*.tar && cat *.cls && \(python) -c 'from PIL import Image; print(Image.open(\"000000002.png\").getpixel((3, 3)))'",
      in: folder)
    #expect(outcome.status == 0, "\(outcome.text)")
    #expect(
      outcome.text.replacing(" ", with: "").replacing("\n", with: "").contains(#"["zebra","ant"]"#), "\(outcome.text)")
    #expect(outcome.text.hasSuffix("101(2, 4, 6)\n"), "\(outcome.text)")
    let several = try shell(
      "\(python) \(Self.examples)/from_huggingface.py several.parquet | pipe shard -q -o two; ls", in: folder)
    #expect(several.text.contains("the label [0, 1] is neither a number nor a name"), "\(several.text)")
    #expect(!several.text.contains("two\n"), "\(several.text)")
  }

  @Test(.enabled(if: python(with: "torch, numpy") != nil))
  func `a PyTorch dataset arrives with its classes, pixels and labels`() throws {
    let python = try #require(Self.python(with: "torch, numpy"))
    let folder = try TemporaryFolder()
    let script = try folder.file(
      "mine.py",
      """
      import sys, torch
      sys.path.insert(0, "\(Self.examples)")
      from from_torch import write_dataset
      class Mine(torch.utils.data.Dataset):
          classes = ["zebra", "ant"]
          def __len__(self): return 3
          def __getitem__(self, n):
              image = torch.zeros(3, 2, 5)
              image[n, 1, 4] = 1
              return image, torch.tensor(n % 2)
      write_dataset(Mine())
      """)
    let outcome = try shell(
      "\(python) \(script.path) > s.tar && pipe shard -q -i s.tar -o out && pipe inspect --json out && tar xf out/*.tar && cat *.cls",
      in: folder)
    #expect(outcome.status == 0, "\(outcome.text)")
    let text = outcome.text.replacing(" ", with: "").replacing("\n", with: "")
    #expect(text.contains(#"["zebra","ant"]"#) && text.contains("[3,2,5]") && text.hasSuffix("010"), "\(text)")
    // The light pixel of each is where it was put, in the channel that it was put in.
    let lights = try shell(
      """
      python3 - <<'END'
      import tarfile
      for member in (tar := tarfile.open("s.tar")):
          if member.name.endswith("npy"): print(tar.extractfile(member).read()[128:].index(255))
      END
      """, in: folder)
    #expect(lights.text == "27\n28\n29\n")
  }

  @Test func `a shell's list of shards, a range and a pattern are the same input`() throws {
    let folder = try TemporaryFolder()
    let made = try shell(
      "for n in 0 1 2; do for f in $(tar tf \(fixtures.path)/shapes-webdataset.tar | head -6); do"
        + " tar xOf \(fixtures.path)/shapes-webdataset.tar $f > x$n-$f; done; tar cf s-00$n.tar x$n-*; rm x$n-*; done",
      in: folder)
    #expect(made.status == 0, "\(made.text)")
    let outcome = try shell(
      "pipe decode -q -i s-*.tar -o a && pipe decode -q -i 's-{000..002}.tar' -o b && pipe decode -q -i 's-*.tar' -o c"
        + " && pipe decode -q -i s-000.tar -i s-001.tar -i s-002.tar -o d && for f in b c d; do"
        + " cmp <(tar tf a | grep -v __) <(tar tf $f | grep -v __) || exit 1; done; tar tf a | grep -c cls", in: folder)
    #expect(outcome.text == "6\n", "\(outcome.text)")
    let missing = try shell("pipe decode -i 's-{000..004}.tar' -o e", in: folder)
    #expect(missing.status == 66)
    #expect(missing.text.contains("2 of 5 files are missing: s-003.tar, s-004.tar"), "\(missing.text)")
    // Without -i a word is no input: it may be a slip.
    #expect(try shell("pipe decode s-000.tar", in: folder).status == 64)
  }

  @Test func `options for fields, subsets and white are refused where they mean nothing`() throws {
    let folder = try TemporaryFolder()
    let idx = fixtures.appending(path: "strokes-idx.tar").path
    for (words, status, text) in [
      (
        "--image-field jpg --layout idx", Int32(64),
        "--image-field is for samples of several fields, and its layout is idx"
      ),
      ("--white 9", 64, "--white is for arrays of pixels, and its layout is idx"),
      ("--subset nothing", 65, "there is no dataset “nothing” in it"),
      ("--label-field json:", 64, "--label-field names no field"),
    ] {
      let outcome = try shell("pipe decode -i \(idx) \(words) -o out", in: folder)
      #expect(outcome.status == status && outcome.text.contains(text), "\(words): \(outcome.text)")
    }
  }
}
