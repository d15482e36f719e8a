/// Name and version of the tool, as they stand in provenance and `--version`.
public let toolVersion = "pipe 1.0.0"

/// The day of that version, for the manual.
let toolDate = "2026-11-25"
