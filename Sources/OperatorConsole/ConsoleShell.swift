import Console
import Foundation
import NcursesTerminal
import OperatorProtocol
import Terminal
import Time

/// The console on a terminal: shows what the model draws and does what it asks for.
package enum OperatorConsole {
  /// Runs until the operator quits, the terminal is gone, or a signal asks for it.
  ///
  /// Throws `ScreenError` when standard input or output is no terminal that can be used.
  package static func run(
    client: OperatorClient, memory: CheckpointMemory?, options: ConsoleOptions = ConsoleOptions()
  ) async throws {
    let mailbox = Mailbox()
    let link = ConsoleLink(client: client, memory: memory, mailbox: mailbox)
    let network = Task { await link.run() }
    defer { network.cancel() }
    if options.isPlain {
      return await PlainShell(mailbox: mailbox, link: link, options: options).run()
    }
    try await withCheckedThrowingContinuation { (done: CheckedContinuation<Void, any Error>) in
      let thread = Thread { @Sendable in
        done.resume(with: Result { try ConsoleShell.occupy(mailbox: mailbox, link: link, options) })
      }
      thread.name = "console"
      thread.start()
    }
  }
}

/// **Concurrency model.** One thread makes this, runs it and ends it; it owns the screen and the
/// model. Everything else reaches it through the mailbox.
final class ConsoleShell {
  /// News are drawn at most this often, the first after a pause at once; nobody reads faster. Keys
  /// and what was asked for are drawn at once.
  static let newsInterval = Milliseconds(200)
  /// News that are taken in between two looks at the keyboard.
  static let newsAtOnce = 200

  private let screen: Screen
  private let mailbox: Mailbox
  private let link: ConsoleLink
  private let notices: Notices
  private let isQuiet: Bool
  private let clock = SteadyClock()
  private var model: ConsoleModel
  private var wakeAt: Timestamp?
  private var drawnAt: Timestamp
  private var isDirty = true
  private var isDone = false

  static func occupy(mailbox: Mailbox, link: ConsoleLink, _ options: ConsoleOptions) throws {
    let screen = try Screen(options.screen)
    defer { screen.close() }
    let waker = screen.waker
    mailbox.attach { waker.wake() }
    let shell = ConsoleShell(screen, mailbox, link, options)
    shell.run()
  }

  private init(
    _ screen: Screen, _ mailbox: Mailbox, _ link: ConsoleLink, _ options: ConsoleOptions
  ) {
    notices = Notices(style: options.notices)
    isQuiet = options.isQuiet
    self.screen = screen
    self.mailbox = mailbox
    self.link = link
    model = ConsoleModel(
      at: clock.now, glyphs: options.isASCII ? .ascii : screen.glyphs, keymap: options.keymap)
    drawnAt = clock.now
  }

  private func run() {
    draw()
    while !isDone {
      let inputs = screen.waitForInput(timeoutMilliseconds: pause)
      for input in inputs { handle(.input(input)) }
      // What a key does is on the screen before news are looked at.
      if !inputs.isEmpty, !isDone { draw() }
      var isAnswered = false
      for event in mailbox.take(atMost: Self.newsAtOnce) {
        isAnswered = isAwaited(event) || isAnswered
        handle(event)
      }
      let isDue = wakeAt.map { clock.now >= $0 } ?? false
      if isDue {
        wakeAt = nil
        handle(.tick)
      }
      if isDone { return }
      if isAnswered || isDue || (isDirty && clock.now - drawnAt >= Self.newsInterval) { draw() }
    }
  }

  /// Whether the operator waits for it: it is shown at once, as what a key does.
  private func isAwaited(_ event: ConsoleEvent) -> Bool {
    switch event {
    case .queue, .answered, .haltAnswered, .toolDefinitions, .toolAnswered: true
    case .detail(let detail): detail.summary.id == model.selection
    default: false
    }
  }

  /// Milliseconds until something is due; nil when nothing is.
  private var pause: Int? {
    var moments = [wakeAt].compactMap { $0 }
    if isDirty { moments.append(drawnAt + Self.newsInterval) }
    guard mailbox.rest(soon: isDirty) else { return 0 }
    return moments.min().map { Int(clamping: max(0, ($0 - clock.now).count)) }
  }

  private func handle(_ event: ConsoleEvent) {
    isDirty = true
    for effect in model.handle(event, at: clock.now) { perform(effect) }
  }

  /// Shows the model, tells it what was shown, and shows what came of that.
  private func draw() {
    var picture = model.picture(size: screen.size)
    for _ in 0..<3 {
      screen.present(picture.frame)
      drawnAt = clock.now
      isDirty = false
      let before = model
      let effects = model.handle(.painted(picture.painted), at: clock.now)
      for effect in effects { perform(effect) }
      // Nothing came of it most of the time; that need not be found out by drawing again.
      if effects.isEmpty, model.looks(like: before) { return }
      let next = model.picture(size: screen.size)
      if next.frame == picture.frame { return }
      picture = next
    }
  }

  private func perform(_ effect: ConsoleEffect) {
    switch effect {
    case .drawDigits(let serial):
      handle(.digits(serial: serial, number: Int.random(in: 0...99)))
    case .discardInput: screen.discardInput()
    case .copy(let text): screen.copy(text)
    case .notify(let waiting, let high): notices.tell(waiting: waiting, high: high, on: screen)
    case .bell: if !isQuiet { screen.beep() }
    case .repaint: screen.repaint()
    case .suspend: screen.suspend()
    case .quit: isDone = true
    case .wake(let moment): wakeAt = moment
    default: link.ask(effect)
    }
  }
}
