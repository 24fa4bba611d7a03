import Foundation

/// Compiles one BPF image and writes it as a Swift file.
///
/// Arguments: the clang to try first, the source, the ABI include directory, the image's name, the output.
/// The bytes go into a hexadecimal `StaticString`, which the Swift compiler takes in at once, where an array literal of the
/// same size costs it seconds.

func fail(_ message: String) -> Never {
    FileHandle.standardError.write(Data("probe-compiler: \(message)\n".utf8))
    exit(1)
}

func run(_ command: [String]) -> (status: Int32, errors: String)? {
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = command
    let pipe = Pipe()
    process.standardError = pipe
    process.standardOutput = FileHandle.nullDevice
    guard (try? process.run()) != nil else { return nil }
    let errors = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    return (process.terminationStatus, errors)
}

let arguments = CommandLine.arguments
guard arguments.count == 6 else { fail("usage: probe-compiler CLANG SOURCE INCLUDES NAME OUTPUT") }
let (source, includes, name, output) = (arguments[2], arguments[3], arguments[4], arguments[5])

let candidates = [arguments[1], ProcessInfo.processInfo.environment["CLANG"], "clang"].compactMap { $0 }
guard
    let clang = candidates.first(where: { candidate in
        run([candidate, "--print-targets"]).map { $0.status == 0 } ?? false
    })
else { fail("no clang found; tried \(candidates.joined(separator: ", ")); set CLANG") }

let object = FileManager.default.temporaryDirectory.appending(path: "iotrace-\(name)-\(UUID().uuidString).o")
defer { try? FileManager.default.removeItem(at: object) }

// asm/types.h is in a multiarch directory on Debian; -g makes the BTF that CO-RE needs.
let flags = [
    "-target", "bpf", "-mcpu=v3", "-O2", "-g", "-Wall", "-Werror", "-Wno-unused-function", "-D__TARGET_ARCH_x86",
    "-fdebug-prefix-map=\(FileManager.default.currentDirectoryPath)=.",
    "-I\(includes)", "-idirafter", "/usr/include/x86_64-linux-gnu", "-c", source, "-o", object.path(),
]
guard let result = run([clang] + flags), result.status == 0 else {
    fail("\(clang) failed for \(source)\n" + (run([clang] + flags)?.errors ?? ""))
}
guard let bytes = try? Data(contentsOf: object) else { fail("cannot read \(object.path())") }

let digits = Array("0123456789abcdef".utf8)
var hex = [UInt8]()
hex.reserveCapacity(bytes.count * 2)
for byte in bytes {
    hex.append(digits[Int(byte >> 4)])
    hex.append(digits[Int(byte & 15)])
}
let identifier = name.split(separator: "_").enumerated().map { $0 == 0 ? String($1) : $1.capitalized }.joined()
let text = """
    extension ProbeImage {
        /// bpf/\(name).bpf.c, \(bytes.count) bytes.
        public static let \(identifier) = ProbeImage(name: "\(name)", hexadecimal: "\(String(decoding: hex, as: UTF8.self))")
    }

    """
do { try text.write(toFile: output, atomically: true, encoding: .utf8) } catch {
    fail("cannot write \(output): \(error)")
}
