/// Name and version of the tool, as they stand in provenance and `--version`.
public let toolVersion = "pipe 1.0.0"
