import ArgumentParser
import Gateway
import JSON
import Policy
import Setup

struct SchemaCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "schema",
    abstract: "Print the JSON Schema of a document, for editors and other programs.",
    discussion: """
      The schemas are made from the tables by which the documents are read, and stand under \
      config/schemas too. A document can name its schema in "$schema".
      """)

  enum Document: String, CaseIterable, ExpressibleByArgument {
    case policy, config, catalogue

    var schema: JSONSchema {
      switch self {
      case .policy: Policy.schema
      case .config: Configuration.schema
      case .catalogue: ToolCatalogue.schema
      }
    }
  }

  @Argument(help: "policy, config or catalogue.") var document: Document

  func run() { Standard.line(PrettyJSON.text(of: document.schema.json)) }
}
