public import Datasets
/// Binds an option to a property of a method: text in, text out.
///
/// It is the parser of the option and the record of its value in one, so that what a history says can be typed again.
public struct Setting<Owner>: Sendable {
  /// Long name of the option, without dashes.
  public let option: String
  private let read: @Sendable (inout Owner, String) -> Bool
  private let write: @Sendable (Owner) -> String?
  private let expected: String

  /// An option for a property.
  public init<Value: SettingValue>(_ option: String, _ path: any WritableKeyPath<Owner, Value> & Sendable) {
    self.option = option
    expected = Value.settingForm
    read = { owner, text in
      guard let value = Value(settingText: text) else { return false }
      owner[keyPath: path] = value
      return true
    }
    write = { $0[keyPath: path].settingText }
  }

  private init(
    _ option: String, expected: String, read: @escaping @Sendable (inout Owner, String) -> Bool,
    write: @escaping @Sendable (Owner) -> String?
  ) {
    self.option = option
    self.expected = expected
    self.read = read
    self.write = write
  }

  /// The same for a value that holds the owner.
  public func within<Outer>(_ path: any WritableKeyPath<Outer, Owner> & Sendable) -> Setting<Outer> {
    Setting<Outer>(
      option, expected: expected, read: { read(&$0[keyPath: path], $1) }, write: { write($0[keyPath: path]) })
  }

  /// Takes what was typed.
  ///
  /// - Throws: `SettingError` where the text is not such a value; the owner is as it was.
  public func set(_ text: String, in owner: inout Owner) throws(SettingError) {
    guard read(&owner, text) else { throw SettingError(option: option, text: text, expected: expected) }
  }

  /// The value as it would be typed; nil where there is none.
  public func text(of owner: Owner) -> String? { write(owner) }
}

/// A text that is not a value of the option.
public struct SettingError: Error, Equatable, CustomStringConvertible {
  /// The option, without dashes.
  public var option: String
  /// What was typed.
  public var text: String
  /// What it takes.
  public var expected: String

  /// One sentence.
  public var description: String { "--\(option) takes \(expected); not '\(text)'" }
}

/// What a property must be to be set by an option.
public protocol SettingValue: Sendable {
  /// The value that a text stands for; nil where it stands for none.
  init?(settingText: String)
  /// The text that stands for the value; nil for no value.
  var settingText: String? { get }
  /// What such a text looks like, for errors.
  static var settingForm: String { get }
}

extension Int: SettingValue {
  /// See `SettingValue`.
  public init?(settingText: String) { self.init(settingText) }
  /// See `SettingValue`.
  public var settingText: String? { String(self) }
  /// See `SettingValue`.
  public static var settingForm: String { "a whole number" }
}

extension Double: SettingValue {
  /// See `SettingValue`.
  public init?(settingText: String) { self.init(settingText) }
  /// See `SettingValue`.
  public var settingText: String? { "\(self)" }
  /// See `SettingValue`.
  public static var settingForm: String { "a number" }
}

extension Optional: SettingValue where Wrapped: SettingValue {
  /// See `SettingValue`.
  public init?(settingText: String) {
    guard let value = Wrapped(settingText: settingText) else { return nil }
    self = value
  }
  /// See `SettingValue`.
  public var settingText: String? { flatMap(\.settingText) }
  /// See `SettingValue`.
  public static var settingForm: String { Wrapped.settingForm }
}

extension SettingValue where Self: RawRepresentable & CaseIterable, RawValue == String {
  /// See `SettingValue`.
  public init?(settingText: String) { self.init(rawValue: settingText) }
  /// See `SettingValue`.
  public var settingText: String? { rawValue }
  /// See `SettingValue`.
  public static var settingForm: String { "one of " + allCases.map(\.rawValue).joined(separator: ", ") }
}

extension Formation.Kind: SettingValue {
  /// See `SettingValue`; nil for the uniform one, which histories do not name.
  public var settingText: String? { self == .uniform ? nil : rawValue }
}

extension AugmentationStrategy: SettingValue {
  /// See `SettingValue`.
  public init?(settingText: String) { self.init(named: settingText) }
  /// See `SettingValue`.
  public var settingText: String? { description }
  /// See `SettingValue`.
  public static var settingForm: String {
    "operations joined by _ of " + Operation.allCases.map(\.rawValue).joined(separator: ", ") + ", or none"
  }
}
