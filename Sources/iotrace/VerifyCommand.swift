import ArgumentParser
import Glibc
import IOModel

struct VerifyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Judge claims about a program's I/O; the exit status is the verdict.",
        discussion: """
            The claims are made of the command, or of a running target while the command loads it:

              iotrace verify --zero-copy --allow-copied-below 4K --comm nginx -- curl -so /dev/null http://localhost/file
              iotrace verify --max-amplification 1.1 --max-blocked disk:50ms -- ./import data.csv

            Exit status: 0 every claim holds, 1 a claim is broken, 3 it cannot be said (nothing happened, tracing lost data, \
            the evidence does not suffice), 125 tracing was not possible. A command that fails is reported as itself: \
            its own status, 128 + N for signal N. docs/verify.md says what each claim measures.
            """)

    @OptionGroup(title: "Claims") var claims: ClaimOptions
    @OptionGroup(title: "Target") var target: TargetOptions
    @OptionGroup(title: "Verdicts") var options: VerdictOptions

    @Flag(inversion: .prefixedNo, help: "Leave with status 3 when a claim is inconclusive.")
    var failOnInconclusive = true

    func run() throws {
        let claims = try claims.claims()
        guard !claims.isEmpty else {
            throw CommandFailure("nothing is claimed: give --zero-copy or another claim; --help lists them")
        }
        _ = try target.target()
        let outputs = try options.opened(commandOwnsOutput: !target.command.isEmpty)
        var verification = Verification(claims)
        let session = try TraceSession(target, interval: 1, observer: .init())
        let outcome = try session.run()
        let status = Int(session.finalStatus(outcome))
        verification.add(outcome.report, doubts: status == 0 ? [] : [.commandFailed(status)])
        var report = VerificationReport(
            tool: outcome.report.tool, verdict: verification.verdict(),
            runs: [
                .init(
                    window: outcome.report.window, losses: outcome.report.losses,
                    processes: outcome.report.processes.count,
                    commandStatus: target.command.isEmpty ? nil : status)
            ], command: target.command, exitStatus: 0)
        report.exitStatus = status != 0 ? status : Self.status(report.verdict.outcome, failOnInconclusive)
        try outputs.write(report)
        if report.exitStatus != 0 { throw ExitCode(Int32(report.exitStatus)) }
    }

    private static func status(_ outcome: Outcome, _ failOnInconclusive: Bool) -> Int {
        switch outcome {
        case .pass: 0
        case .fail: 1
        case .inconclusive: failOnInconclusive ? 3 : 0
        }
    }
}

extension Doubt {
    static func commandFailed(_ status: Int) -> Doubt {
        Doubt(
            code: "command_failed",
            message: "the command \(VerificationReport.words(commandStatus: status)), so it may not have done its work")
    }
}
