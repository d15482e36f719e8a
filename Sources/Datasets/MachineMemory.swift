internal import Glibc

/// What the system gives this process of memory and address space, in bytes.
public enum MachineMemory {
  /// Memory that the process may have: the machine's, or less where a control group (a container, a batch system) says so.
  public static var resident: Int {
    let machine = sysconf(Int32(_SC_PHYS_PAGES)) * sysconf(Int32(_SC_PAGESIZE))
    let limits = ControlGroup.settings("memory.max", of: "memory", formerly: "memory.limit_in_bytes").compactMap {
      Int($0)
    }
    return limits.filter { $0 > 0 }.reduce(machine, min)
  }

  /// Addresses that the process may use (`ulimit -v`); nil for no limit.
  public static var addressLimit: Int? {
    var limit = rlimit()
    guard getrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limit) == 0, limit.rlim_cur < rlim_t(Int.max) else {
      return nil
    }
    return Int(limit.rlim_cur)
  }

  /// Addresses that it uses now.
  public static var addressesUsed: Int {
    let pages = systemFile("/proc/self/statm")?.split(separator: " ").first.flatMap { Int($0) } ?? 0
    return pages * sysconf(Int32(_SC_PAGESIZE))
  }
}
