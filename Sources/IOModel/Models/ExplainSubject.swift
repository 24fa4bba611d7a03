/// What an explanation is asked of.
public enum ExplainSubject: Sendable, Equatable {
    /// Every model that a process could have.
    case all
    /// One of `ModelClassifier.models`.
    case model(String)
    /// Every open file that had this number.
    case fd(Int32)

    /// `all`, a model, or `fd:N`.
    public init?(_ text: String) {
        if text == "all" {
            self = .all
        } else if ModelClassifier.models.contains(text) {
            self = .model(text)
        } else if text.hasPrefix("fd:"), let number = Int32(text.dropFirst(3)), number >= 0 {
            self = .fd(number)
        } else {
            return nil
        }
    }
}
