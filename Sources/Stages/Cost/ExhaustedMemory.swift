import Datasets
public import Methods
import Tensors

/// An error as its reader should see it: memory that the system did not give is no fault of the program.
///
/// Such a `TensorError` becomes a temporary `DataError` that says how much was asked for and what asks for less, for that purpose
/// where it is known; every other error stays what it is.
public func forgivingMemory(_ error: any Error, for purpose: MemoryNeed.Purpose?) -> any Error {
  guard let error = error as? TensorError, error.isOutOfMemory else { return error }
  return DataError(
    .temporary, at: [], "\(error)",
    remedy: "try again when other programs need less, or lower \(purpose?.options ?? "--width or --memory")")
}
