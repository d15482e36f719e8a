import Datasets
import Stages
import Testing

@Suite struct BudgetTests {
  @Test func `one number holds for every class`() throws {
    #expect(try Budget(rest: 10).counts(classNames: ["ant", "bee"], dataset: "x") == [10, 10])
  }

  @Test func `a named class has its own number and the rest theirs`() throws {
    let counts = try Budget(rest: 3, named: ["bee": 5]).counts(classNames: ["ant", "bee", "cat"], dataset: "x")
    #expect(counts == [3, 5, 3])
  }

  @Test func `a name that is no class is refused by name`() {
    let error = #expect(throws: DataError.self) {
      try Budget(rest: 3, named: ["wasp": 5]).counts(classNames: ["ant", "bee"], dataset: "x")
    }
    #expect(error?.problem.contains("wasp") == true)
    #expect(error?.fault == .badInput)
  }

  @Test func `a table without rest has to name every class`() {
    let error = #expect(throws: DataError.self) {
      try Budget(rest: nil, named: ["ant": 5]).counts(classNames: ["ant", "bee"], dataset: "x")
    }
    #expect(error?.problem.contains("bee") == true)
  }
}
