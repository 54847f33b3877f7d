import Bytes

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

extension Stage {
  /// Runs the stage as a program; never returns.
  public static func main() async {
    // A reader that goes away must not kill a stage half way: writes fail instead, and are dropped.
    signal(SIGPIPE, SIG_IGN)
    // Asked first: any file opened later could get that number.
    let progress = Reporter.inheritedProgress()
    if progress != nil { Orphan.endWithReader() }
    // Answers go to what was standard output; what a library prints by itself joins the log.
    let output = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 10)
    dup2(STDERR_FILENO, STDOUT_FILENO)
    let reporter = Reporter(progressDescriptor: progress, logDescriptor: STDERR_FILENO)
    let program = StageProgram(
      stage: Self.self,
      answer: { reporter.write($0 + "\n", to: output) },
      reporter: reporter,
      nextLine: { readLine(strippingNewline: true) })
    let code = await program.run(Array(CommandLine.arguments.dropFirst()))
    exit(code)
  }
}
