package import JSON
package import OperatorProtocol
package import Terminal

/// What the console learns. The shell delivers these in the order in which they happened.
package enum ConsoleEvent: Hashable, Sendable {
  /// Whom the gateway let in.
  case signedIn(operatorName: Text, role: Role)
  case input(InputEvent)
  /// A picture that has reached the terminal: what of it counts as seen, and whether a panel stood
  /// in it.
  case painted(Painted)
  /// A moment asked for by `.wake` has come.
  case tick
  /// The random number that `.drawDigits` asked for, 0 to 99.
  case digits(serial: Int, number: Int)
  case linkUp
  /// The connection to the gateway is lost; the words say how.
  case linkDown(String)
  /// The whole queue, as read anew.
  case queue([BatchSummary])
  /// The orders and fills, as read anew.
  case orders([LegView], [FillView])
  case feed(OperatorEvent)
  case detail(BatchDetail)
  case detailFailed(BatchID, String)
  case ledgerPage(entries: [JSONObject], size: Int)
  /// A signed note, as the gateway published it.
  case checkpoint(String)
  case answered(BatchID, Decision.Verb, Answer<BatchSummary>)
  case haltAnswered(Answer<StatusView>)
  case cancelAnswered(Answer<CancelReport>)
  case exposure(ExposureView)
  case agents([AgentView])
  case limits([LimitView])
  case policy(PolicyView)
  case tools([ToolView])
  case toolDefinitions(ToolDefinitions)
  case toolFailed(ToolName, String)
  case toolAnswered(ToolName, Answer<ToolView>)
  case pageFailed(ConsolePage, String)
  /// Something to tell the operator that no other event carries.
  case notice(String)

  /// What became of a request.
  package enum Answer<Value: Hashable & Sendable>: Hashable, Sendable {
    case done(Value)
    /// The words say why and what to do.
    case refused(String)
  }
}

/// What a picture showed when it reached the terminal.
package struct Painted: Hashable, Sendable {
  package var size: Size
  /// The batch in the batch pane, its digest and the lines of it that stood there whole.
  var batch: BatchID?
  var version: ContentVersion?
  /// The version of the tool's definition that stood there; then the marks are of it.
  var definition: ContentVersion?
  var marks: [SeenMark] = []
  /// The serial of an approval panel that stood there complete.
  var panel: Int?
  /// How many of the groups that it asks to accept have stood in it whole by then, from the first.
  var panelGroups = 0
  /// Whether a panel was asked for that does not fit.
  var isPanelCut = false
  /// How far the panes can scroll, and how many rows the list has.
  var extents = Extents()

  struct Extents: Hashable, Sendable {
    var queueRows = 1
    var batchScroll = 0
    var batchRows = 1
    var ordersScroll = 0
    var auditRows = 1
    var auditScroll = 0
    var helpScroll = 0
    var pageScroll = 0
  }
}

/// One rendering of the console: the cells, and what the operator will have seen in them.
package struct Picture: Hashable, Sendable {
  package var frame: Frame
  package var painted: Painted
}
