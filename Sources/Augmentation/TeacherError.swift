/// Says why a teacher could not write.
public enum TeacherError: Error, Equatable, Sendable {
  /// The address of the endpoint is none.
  case address(String)
  /// The address holds a user's name or a password.
  case secretInAddress(String)
  /// The service's key has characters that no header can hold.
  case key
  /// Texts of the user would leave the machine, and nobody agreed to it.
  case consent(host: String, requests: Int, records: Int, characters: Int)
  /// The endpoint refused the request for good.
  case refused(host: String, status: Int, answer: String)
  /// The endpoint did not answer, or not now, after several attempts.
  case unavailable(host: String, attempts: Int, last: String)
  /// More requests are needed than may be sent.
  case cap(Int, remaining: Int)
  /// A reply was not kept.
  case noReply(request: String)
  /// There is nothing to learn from.
  case noHistory
}

extension TeacherError: CustomStringConvertible {
  /// What happened, where, and what to do next.
  public var description: String {
    switch self {
    case .address(let text):
      "\(text) is no http or https address · set endpoint to one such as"
        + " http://127.0.0.1:8080/v1"
    case .secretInAddress(let text):
      "\(text) holds a name, password or key, which every log would keep · leave it out, and"
        + " give the service's key as PLM_TEACHER_KEY in the environment"
    case .key:
      "nothing was sent: the service's key has characters that are no visible ASCII · set"
        + " PLM_TEACHER_KEY or OPENAI_API_KEY in the environment to the key alone"
    case .consent(let host, let requests, let records, let characters):
      "nothing was sent: the teacher is on \(host), not on this machine · it would get"
        + " \(requests) request\(requests == 1 ? "" : "s") with the profile and \(records) of the"
        + " user's own records (\(characters) characters, names and all) · set consent=true to"
        + " agree, or use a teacher on 127.0.0.1 or teacher=local"
    case .refused(let host, let status, let answer):
      "\(host) refused the request with status \(status)"
        + (answer.isEmpty ? "" : " (\(answer))") + " · "
        + (status == 401 || status == 403
          ? "set OPENAI_API_KEY or PLM_TEACHER_KEY in the environment"
          : "check endpoint and model")
    case .unavailable(let host, let attempts, let last):
      "no answer from \(host) after \(attempts) attempt\(attempts == 1 ? "" : "s") (\(last)) · try"
        + " again later: the replies so far are kept"
    case .cap(let cap, let remaining):
      "\(remaining) requests are still needed and maximum_requests=\(cap) is reached · run again to"
        + " go on: the replies so far are kept"
    case .noReply(let request):
      "the reply to request \(request) is gone · run again"
    case .noHistory:
      "the history has no records to write more of · give the user more texts"
    }
  }
}
