import ArgumentParser
import Glibc
import IOModel
import ModelLab
import TransferLab

/// The command line. Only this target touches standard output, signals and exit statuses.
@main
struct IOTrace: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "iotrace",
        abstract: "Shows how a program does its I/O and what that costs.",
        discussion: """
            Counts a program's system calls, bytes, sleeps and switches inside the kernel, and reports them per process, \
            per call and per file. Nothing is written per system call, so it is cheap enough for a busy server.

              iotrace report -- curl -sO http://localhost/file   one command, from its first instruction
              iotrace report -p 1234 --duration 10               a running server, for ten seconds
              iotrace report -p 1234 -- wrk http://localhost/    a running server while a load generator runs
              iotrace record -o trace.ndjson -p 1234             to a file, an interval a second
              iotrace report trace.ndjson --json                 the recording, as a document
              iotrace verify --zero-copy -- ./server-test          a claim, judged: the exit status says it
              iotrace lab transfers                              ways to move a file: expected against measured
              iotrace lab models                                 ways to wait for data: likewise, as a picture
              iotrace doctor                                     what this machine allows

            Exit status: the command's own (128 + N for signal N), 125 when iotrace could not do its job, \
            126 when the command cannot be executed, 127 when it is not found.
            """,
        version: Tool.version,
        subcommands: [
            ReportCommand.self, RecordCommand.self, VerifyCommand.self, DiffCommand.self, LabCommand.self,
            DoctorCommand.self,
        ])

    static func main() {
        switch CommandLine.arguments.dropFirst().first {
        case TransferSession.worker:
            Glibc.exit(transfer_lab_worker(CommandLine.argc - 2, CommandLine.unsafeArgv + 2))
        case ModelSession.worker: Glibc.exit(model_lab_worker(CommandLine.argc - 2, CommandLine.unsafeArgv + 2))
        default: break
        }
        // A report into a closed pipe is an error to handle, not a death.
        signal(SIGPIPE, SIG_IGN)
        do {
            var command = try parseAsRoot()
            try command.run()
        } catch let failure as CommandFailure {
            failure.printed()
            Glibc.exit(failure.status)
        } catch let status as ExitCode {
            Glibc.exit(status.rawValue)
        } catch {
            let text = fullMessage(for: error)
            if exitCode(for: error) == .success {  // --help, --version
                try? Output.standardOutput.write(Array((text + "\n").utf8))
                Glibc.exit(0)
            }
            Output.complain(text)
            Glibc.exit(CommandFailure.couldNotWork)
        }
    }
}

/// The end of a command that could not do its job.
struct CommandFailure: Error {
    /// iotrace could not do its job, as opposed to the command that it runs.
    static let couldNotWork: Int32 = 125

    var message: String?
    var status: Int32 = couldNotWork
    /// This machine, or this user, cannot trace at all.
    var isUnsupported = false

    init(_ message: String?, status: Int32 = couldNotWork, isUnsupported: Bool = false) {
        self.message = message
        self.status = status
        self.isUnsupported = isUnsupported
    }

    func printed() {
        if let message { Output.complain("iotrace: \(message)") }
    }
}
