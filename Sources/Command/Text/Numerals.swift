internal import Glibc

/// `12.30` for (12.3, 2).
///
/// Foundation's formatting costs more time to load than most verbs take.
public func fixed(_ value: Double, _ digits: Int) -> String {
  guard value.isFinite else { return "\(value)" }
  let scale = pow(10, Double(digits))
  let scaled = (abs(value) * scale).rounded()
  guard scaled < 9e18 else { return "\(value)" }
  let sign = value < 0 && scaled > 0 ? "-" : ""
  let whole = String(Int(scaled))
  guard digits > 0 else { return sign + whole }
  let padded = String(repeating: "0", count: max(0, digits + 1 - whole.count)) + whole
  return sign + padded.dropLast(digits) + "." + padded.suffix(digits)
}

/// Three significant digits: `432`, `4.32`, `0.0432`, `4.32e-5`, `4.32e8`.
func significant(_ value: Double) -> String {
  guard value.isFinite, value != 0 else { return value == 0 ? "0" : "\(value)" }
  let exponent = Int(floor(log10(abs(value))))
  switch exponent {
  case -3...2: return fixed(value, 2 - exponent)
  case 3...5: return fixed(value, 0)
  default:
    // 9.996 is shown as 10.00, which has one digit too many.
    let isRoundedUp = abs(value) / pow(10, Double(exponent)) >= 9.995
    let shown = exponent + (isRoundedUp ? 1 : 0)
    return fixed(value / pow(10, Double(shown)), 2) + "e\(shown)"
  }
}

/// A time for reading: `0.4s`, `9s`, `2m17s`, `1h02m`, `3d04h`.
public func durationText(_ seconds: Double) -> String {
  guard seconds.isFinite, seconds >= 0, seconds < 1e12 else { return "?" }
  if seconds < 1 { return fixed(seconds, 1) + "s" }
  let whole = Int(seconds.rounded())
  func pair(_ large: Int, _ largeUnit: String, _ small: Int, _ smallUnit: String) -> String {
    "\(large)\(largeUnit)\(small < 10 ? "0" : "")\(small)\(smallUnit)"
  }
  switch whole {
  case ..<60: return "\(whole)s"
  case ..<3600: return pair(whole / 60, "m", whole % 60, "s")
  case ..<86_400: return pair(whole / 3600, "h", whole % 3600 / 60, "m")
  default: return pair(whole / 86_400, "d", whole % 86_400 / 3600, "h")
  }
}

/// A number of bytes for reading, in units of 1024: `512 B`, `4.0 KiB`, `1.5 GiB`.
public func sizeText(_ bytes: Int) -> String {
  var amount = Double(bytes)
  var unit = "B"
  for next in ["KiB", "MiB", "GiB", "TiB"] where amount >= 1023.5 {
    amount /= 1024
    unit = next
  }
  return unit == "B" ? "\(bytes) B" : "\(fixed(amount, amount < 100 ? 1 : 0)) \(unit)"
}
