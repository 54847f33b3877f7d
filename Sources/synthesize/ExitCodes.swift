public import Augmentation
public import Corpus
public import StageKit

extension TeacherError: StageFailure {
  /// A rate limit, a silent service and a cap are over some day; the rest needs a change.
  public var exitCode: Int32 {
    switch self {
    case .unavailable, .cap, .noReply: 75
    case .address, .secretInAddress, .key: 2
    case .consent, .refused, .noHistory: 1
    }
  }
}

extension CorpusError: StageFailure {
  public var exitCode: Int32 { 1 }
}
