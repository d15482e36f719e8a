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
  /// An option of the verb that means nothing to the method.
  case meansNothing(String)
}
