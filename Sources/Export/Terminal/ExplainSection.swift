internal import IOModel

/// The chain from counts to verdict, as paragraphs that are indented by what rests on what.
struct ExplainSection {
    let explanation: Explanation
    let width: Int

    var lines: [Line] {
        explanation.steps.flatMap { step -> [Line] in
            let lead = String(repeating: " ", count: 2 * (step.level + 1))
            let paragraph = Paragraph.lines(
                step.text, lead: TextRun(lead), style: step.level == 2 ? .dim : .plain, width: width)
            return (step.level == 0 ? [Line()] : []) + paragraph
        }
    }
}
