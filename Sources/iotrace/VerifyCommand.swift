import ArgumentParser
import Export
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
              iotrace verify --policy io.yaml --junit io.xml --comm api --ready-port 8080 -- ./load-test

            Exit status: 0 every claim holds, 1 a claim is broken, 3 it cannot be said (nothing happened, tracing lost data, \
            the evidence does not suffice), 125 tracing was not possible. A command that fails is reported as itself: \
            its own status, 128 + N for signal N. docs/verify.md says what each claim measures.
            """)

    @OptionGroup(title: "Claims") var claims: ClaimOptions

    @Option(help: ArgumentHelp("Claims from a YAML file: docs/verify.md.", valueName: "file"))
    var policy: String?

    @OptionGroup(title: "Baseline") var baseline: BaselineOptions
    @OptionGroup(title: "Target") var target: TargetOptions
    @OptionGroup(title: "Load") var load: LoadOptions
    @OptionGroup(title: "Verdicts") var options: VerdictOptions

    @Flag(inversion: .prefixedNo, help: "Leave with status 3 when a claim is inconclusive.")
    var failOnInconclusive = true

    @Option(help: "Where nothing can be traced: fail (status 125), or skip (status 0). The command is not run.")
    var ifUnsupported: UnsupportedMode = .fail

    enum UnsupportedMode: String, ExpressibleByArgument, CaseIterable { case fail, skip }

    func run() throws {
        let claims = try allClaims()
        let hasTarget = try target.target() != nil
        try load.check(hasTarget: hasTarget, hasCommand: !target.command.isEmpty)
        let profiles = try baseline.profiles()
        let outputs = try options.opened(commandOwnsOutput: !target.command.isEmpty, policy: policy)

        var run = VerificationRun(claims: claims, command: target.command, baseline: profiles)
        var failure: CommandFailure?
        do {
            try traceAll(&run, hasTarget: hasTarget)
        } catch let error as CommandFailure {
            failure = error
            run.broke(error)
        }
        var report = run.report
        if let failure {
            report.exitStatus = Int(failure.status)
            if failure.isUnsupported {
                report.unsupported = failure.message
                report.isSkipped = ifUnsupported == .skip
                if report.isSkipped { report.exitStatus = 0 }
            }
        } else {
            report.exitStatus = report.commandFailure ?? status(report.verdict.outcome)
        }
        try outputs.write(report)
        // The report has said that tracing was not possible; of other failures it only knows that there was one.
        if let failure, !failure.isUnsupported || options.output != nil { failure.printed() }
        if report.commandFailure == nil, failure == nil, let side = run.lastSide {
            if side.losses > 0 && baseline.updateBaseline {
                throw CommandFailure("the baseline was not written: \(side.losses) events were lost while tracing")
            }
            try baseline.update(side.profiles, tool: report.tool)
        }
        if report.exitStatus != 0 { throw ExitCode(Int32(report.exitStatus)) }
    }

    private func allClaims() throws -> [Claim] {
        var claims = try claims.claims()
        if let policy { claims += try PolicyFile.claims(policy) }
        try baseline.check()
        if baseline.baseline != nil && !baseline.updateBaseline {
            claims.append(Claim(.noRegression(tolerance: try baseline.share())))
        }
        guard !claims.isEmpty || baseline.updateBaseline else {
            throw CommandFailure(
                "nothing is claimed: give --zero-copy or another claim, or --policy; --help lists them")
        }
        return claims
    }

    private func traceAll(_ run: inout VerificationRun, hasTarget: Bool) throws {
        for number in 1...load.repetitions {
            if hasTarget { try load.waitUntilReady() }
            let path = options.save.map { SavedRecording.path($0, run: number, of: load.repetitions) }
            let recording = try path.map { try SavedRecording(path: $0) }
            let session = try TraceSession(
                target, interval: 1, observer: recording?.observer ?? .init(), linger: hasTarget ? 0.1 : 0)
            let outcome = try session.run()
            try recording?.end(outcome.report)
            let status = target.command.isEmpty ? nil : Int(session.finalStatus(outcome))
            run.add(outcome.report, commandStatus: status)
            if let status, status != 0 { return }
        }
    }

    private func status(_ outcome: Outcome) -> Int {
        switch outcome {
        case .pass: 0
        case .fail: 1
        case .inconclusive: failOnInconclusive ? 3 : 0
        }
    }
}

/// The runs of one verification, and what they add up to.
private struct VerificationRun {
    private var verification: Verification
    private let command: [String]
    private let baseline: [IOProfile]?
    private let tolerance: Double
    private var runs: [VerificationReport.Run] = []
    private var tool = Tool(kernel: TraceSession.kernelRelease())
    private var reason: Doubt?
    /// What the last run did, for a baseline.
    private(set) var lastSide: ReportProfiles.Side?

    init(claims: [Claim], command: [String], baseline: [IOProfile]?) {
        verification = Verification(claims)
        self.command = command
        self.baseline = baseline
        tolerance =
            claims.lazy.compactMap { if case .noRegression(let tolerance) = $0.kind { tolerance } else { nil } }
            .first ?? 0
    }

    mutating func add(_ report: Report, commandStatus: Int?) {
        let side = ReportProfiles.side(of: report)
        lastSide = side
        let failed = commandStatus.map { $0 != 0 } ?? false
        verification.add(
            report, doubts: failed ? [.commandFailed(commandStatus!)] : [],
            comparison: baseline.map { Comparison($0, side.profiles, tolerance: tolerance) })
        runs.append(
            .init(
                window: report.window, losses: report.losses, processes: report.processes.count,
                commandStatus: commandStatus))
        tool = report.tool
    }

    /// A run that did not come about leaves no claim that passes.
    mutating func broke(_ failure: CommandFailure) {
        let doubt = Doubt(code: "not_run", message: failure.message ?? "the run was not completed")
        reason = doubt
        if !runs.isEmpty {
            verification.add(
                Report(tool: tool, window: Window(startedUnixNanoseconds: 0)), doubts: [doubt], comparison: nil)
        }
    }

    var report: VerificationReport {
        VerificationReport(
            tool: tool, verdict: verification.verdict(unless: reason), runs: runs, command: command, exitStatus: 0)
    }
}

extension Doubt {
    static func commandFailed(_ status: Int) -> Doubt {
        Doubt(
            code: "command_failed",
            message: "the command \(VerificationReport.words(commandStatus: status)), so it may not have done its work")
    }
}
