package import Bybit
import Cryptography

extension Configuration.Exchange {
  /// What signs the gateway's own requests; nil where no key is configured. Throws when a secret is
  /// not where the configuration says, others can read it, or it is no key.
  package func credentials(_ environment: [String: String]) throws -> V5Credentials? {
    guard let key = try key?.value(environment) else { return nil }
    if let secret { return V5Credentials(key: key, secret: try secret.value(environment)) }
    guard let privateKey else { return nil }
    let pem = try Files.secretBytes(privateKey, limit: RSASigningKey.textLimit)
    do {
      return V5Credentials(key: key, rsa: try RSASigningKey(pem: pem))
    } catch {
      throw Files.Failure("\(privateKey): \(error)")
    }
  }
}
