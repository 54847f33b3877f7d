import Bytes

/// Says why a request gets no answer, in OpenAI's shape.
struct APIError: Error, Equatable {
  var status: Int
  var message: String
  var type = "invalid_request_error"
  /// The field that is wrong.
  var param: String?
  var code: String?
  /// The methods that a path takes, where the one asked for is not among them.
  var allowed: String?

  var json: JSON {
    [
      "error": [
        "message": .string(message), "type": .string(type),
        "param": param.map { .string($0) } ?? .null, "code": code.map { .string($0) } ?? .null,
      ]
    ]
  }

  static func field(_ name: String, _ what: String) -> APIError {
    APIError(status: 400, message: "'\(name)' \(what).", param: name, code: "invalid_value")
  }

  static func unsupported(_ name: String) -> APIError {
    APIError(
      status: 400, message: "'\(name)' is not supported by this server.", param: name,
      code: "unsupported_parameter")
  }

  static func unknownField(_ name: String) -> APIError {
    APIError(
      status: 400, message: "Unrecognized request argument supplied: \(name)", param: name,
      code: "unknown_parameter")
  }

  static func unknownModel(_ name: String) -> APIError {
    APIError(
      status: 404, message: "The model '\(name)' does not exist.", param: "model",
      code: "model_not_found")
  }

  static func contextLength(_ message: String, _ param: String) -> APIError {
    APIError(status: 400, message: message, param: param, code: "context_length_exceeded")
  }

  static let wrongToken = APIError(
    status: 401, message: "Incorrect API key provided.", code: "invalid_api_key")
  static let wrongHost = APIError(
    status: 403, message: "This server answers to its own address only.",
    code: "host_not_allowed")
  static let tooMany = APIError(
    status: 429, message: "Too many requests at once; try again later.",
    type: "rate_limit_error", code: "rate_limit_exceeded")
  static let draining = APIError(
    status: 503, message: "The server is ending; try again later.", type: "server_error",
    code: "draining")
  static func server(_ message: String) -> APIError {
    APIError(status: 500, message: message, type: "server_error")
  }
}
