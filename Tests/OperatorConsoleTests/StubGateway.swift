import Foundation
import JSON
import OperatorProtocol
import Synchronization

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// A gateway of one connection at a time that answers what the test tells it to.
final class StubGateway: Sendable {
  struct Request: Sendable {
    var verb: String
    var target: String
    var headers: [String: String]
    var body: [UInt8]

    var json: JSONValue { (try? JSONParser.parse(body, limits: .peer)) ?? .null }
  }

  struct Response: Sendable {
    var status = 200
    var type = "application/json"
    var body: String

    static func json(_ value: JSONValue) -> Response { Response(body: JSONWriter.text(of: value)) }
    static func refusal(_ code: OperatorRefusal.Code, _ words: String) -> Response {
      Response(
        status: code.status, body: JSONWriter.text(of: OperatorRefusal(code, words).json))
    }
  }

  let port: UInt16
  private let socket: Int32
  private let seen = Mutex<[Request]>([])

  var requests: [Request] { seen.withLock { $0 } }
  var url: String { "http://127.0.0.1:\(port)" }

  init(_ answer: @escaping @Sendable (Request) -> Response) {
    let socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    port = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { raw in
        precondition(bind(socket, raw, length) == 0)
        precondition(listen(socket, 16) == 0)
        precondition(getsockname(socket, raw, &length) == 0)
      }
      return UInt16(bigEndian: pointer.pointee.sin_port)
    }
    self.socket = socket
    let thread = Thread { @Sendable [weak self] in
      defer { close(socket) }
      while true {
        let peer = accept(socket, nil, nil)
        guard peer >= 0 else { return }
        if let request = Self.read(peer) {
          self?.seen.withLock { $0.append(request) }
          Self.write(peer, answer(request))
        }
        close(peer)
      }
    }
    thread.start()
  }

  /// The socket refuses from here on. The thread that accepts from it closes it: closed here, its
  /// number could be the next stub's by the time the thread accepts again.
  func stop() { shutdown(socket, Int32(SHUT_RDWR)) }

  private static func read(_ peer: Int32) -> Request? {
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 65_536)
    let mark = Array("\r\n\r\n".utf8)
    while true {
      if let end = bytes.firstRange(of: mark) {
        var request = head(bytes[..<end.lowerBound])
        let length = Int(request.headers["content-length"] ?? "0") ?? 0
        if bytes.count - end.upperBound >= length {
          request.body = Array(bytes[end.upperBound...].prefix(length))
          return request
        }
      }
      let count = recv(peer, &chunk, chunk.count, 0)
      guard count > 0 else { return nil }
      bytes += chunk.prefix(count)
    }
  }

  private static func head(_ bytes: ArraySlice<UInt8>) -> Request {
    let lines = String(decoding: bytes, as: UTF8.self).components(separatedBy: "\r\n")
    let first = lines[0].split(separator: " ").map(String.init)
    var headers: [String: String] = [:]
    for line in lines.dropFirst() {
      let parts = line.split(separator: ":", maxSplits: 1).map(String.init)
      headers[parts[0].lowercased()] = parts[1].trimmingCharacters(in: .whitespaces)
    }
    return Request(verb: first[0], target: first[1], headers: headers, body: [])
  }

  private static func write(_ peer: Int32, _ response: Response) {
    let text =
      "HTTP/1.1 \(response.status) X\r\nContent-Type: \(response.type)\r\n"
      + "Content-Length: \(response.body.utf8.count)\r\nConnection: close\r\n\r\n" + response.body
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { send(peer, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
      guard count > 0 else { return }
      rest = rest.dropFirst(count)
    }
  }
}
