import Datasets
import Stages
import Testing

@Suite struct BudgetTests {
  @Test func oneNumberHoldsForEveryClass() throws {
    #expect(try Budget(rest: 10).counts(classNames: ["ant", "bee"], dataset: "x") == [10, 10])
  }

  @Test func aNamedClassHasItsOwnNumberAndTheRestTheirs() throws {
    let counts = try Budget(rest: 3, named: ["bee": 5]).counts(classNames: ["ant", "bee", "cat"], dataset: "x")
    #expect(counts == [3, 5, 3])
  }

  @Test func aNameThatIsNoClassIsRefusedByName() {
    let error = #expect(throws: DataError.self) {
      try Budget(rest: 3, named: ["wasp": 5]).counts(classNames: ["ant", "bee"], dataset: "x")
    }
    #expect(error?.problem.contains("wasp") == true)
    #expect(error?.fault == .badInput)
  }

  @Test func aTableWithoutRestHasToNameEveryClass() {
    let error = #expect(throws: DataError.self) {
      try Budget(rest: nil, named: ["ant": 5]).counts(classNames: ["ant", "bee"], dataset: "x")
    }
    #expect(error?.problem.contains("bee") == true)
  }
}
