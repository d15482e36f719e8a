/// What must hold between options that were typed.
public enum Relation: Sendable, Equatable {
  /// The first means nothing beside the second; and why.
  case excludes(String, String, String)
  /// The first means nothing without the second; and why.
  case needs(String, String, String)
  /// The first means something only where the second has one of these values.
  case belongs(String, to: String, [String])
  /// The first means nothing where the second has this value, typed or not; and why.
  case clashes(String, with: String, String, String)
  /// The option makes a part of the classes: the method's classes must be independent, and its steps must be typed, because each machine
  /// would choose a number for itself.
  case makesPart(String)
  /// An option of the verb that means nothing to the method.
  case meansNothing(String)
}
