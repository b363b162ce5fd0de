private import CNcurses
private import Synchronization

/// Ends a screen's wait from any thread. Harmless after the screen has closed.
package final class Waker: Sendable {
  // The descriptor, nil once closed: its number may then belong to another file.
  private let descriptor: Mutex<Int32?>

  init(_ descriptor: Int32) { self.descriptor = Mutex(descriptor) }

  /// Makes the wait that goes on, or the next one, return.
  package func wake() {
    descriptor.withLock { open in
      if let open { cn_wake_up(open) }
    }
  }

  func close() { descriptor.withLock { $0 = nil } }
}
