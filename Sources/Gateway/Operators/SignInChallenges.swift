import Cryptography
import JSON
import OperatorProtocol
import Synchronization
import Time

/// Issues sign-in challenges and takes each answer once.
///
/// Nothing is kept for an unanswered challenge: its nonce carries a code under a key of this
/// process, so that no flood of requests can push out the challenge of somebody who must sign in.
/// What is kept are answered nonces until they expire; only a registered key can add to them.
///
/// Concurrency model: the answered nonces are behind one mutex, held without an `await`.
final class SignInChallenges: Sendable {
  private static let randomBytes = 16
  private static let codeBytes = 16

  private let gateway: Text
  private let secret: [UInt8]
  private let limits: OperatorLimits
  private let redeemed = Mutex<[Text: Timestamp]>([:])

  init(gateway: Text, secret: [UInt8], limits: OperatorLimits) {
    self.gateway = gateway
    self.secret = secret
    self.limits = limits
  }

  /// A challenge for any name: it says nothing about whether the name is registered.
  func issue(to name: Text, random: (Int) -> [UInt8], now: Timestamp) -> Challenge {
    var challenge = Challenge(
      operatorName: name, gateway: gateway,
      nonce: Text(Hex.encode(random(Self.randomBytes))), expiresAt: now + limits.challengeAge)
    challenge.nonce = Text(challenge.nonce.string + Hex.encode(code(of: challenge)))
    return challenge
  }

  /// Whether the challenge was issued here and can still be answered.
  func isCurrent(_ challenge: Challenge, now: Timestamp) -> Bool {
    let digits = 2 * Self.randomBytes
    guard challenge.gateway == gateway, now < challenge.expiresAt,
      challenge.nonce.count == digits + 2 * Self.codeBytes,
      let given = Hex.decode(
        String(decoding: challenge.nonce.bytes.dropFirst(digits), as: UTF8.self))
    else { return false }
    var bare = challenge
    bare.nonce = Text(String(decoding: challenge.nonce.bytes.prefix(digits), as: UTF8.self))
    return constantTimeEquals(given, code(of: bare))
  }

  /// Marks a challenge whose signature was verified as answered; false when it was before.
  ///
  /// Throws `unavailable` when too many are remembered.
  func redeem(_ challenge: Challenge, now: Timestamp) throws(OperatorRefusal) -> Bool {
    let isFull = redeemed.withLock { redeemed -> Bool? in
      if redeemed[challenge.nonce] != nil { return nil }
      if redeemed.count >= limits.redeemed { redeemed = redeemed.filter { now < $0.value } }
      guard redeemed.count < limits.redeemed else { return true }
      redeemed[challenge.nonce] = challenge.expiresAt
      return false
    }
    guard let isFull else { return false }
    guard !isFull else {
      throw OperatorRefusal(.unavailable, "too many sign-ins within a minute; try again later")
    }
    return true
  }

  private func code(of challenge: Challenge) -> [UInt8] {
    let code = HMACSHA256.code(key: secret, message: challenge.signedBytes)
    return Array(code.bytes.prefix(Self.codeBytes))
  }
}
