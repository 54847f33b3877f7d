/// An error that says with which code the program should end.
///
/// 1 the stage failed (also for any other error), 2 wrong usage, 3 damage, 75 try again later.
public protocol StageFailure: Error {
  var exitCode: Int32 { get }
}
