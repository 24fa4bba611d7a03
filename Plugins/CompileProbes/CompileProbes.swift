import Foundation
import PackagePlugin

/// Declares one build command per probe image: `bpf/NAME.bpf.c` and what it includes become `NAME.swift`, which holds the
/// object's bytes. Only the Swift file is declared: an object declared as an output would become a bundle resource.
@main
struct CompileProbes: BuildToolPlugin {
    /// Images, not families: `tracer.bpf.c` includes every family of the tracer.
    static let images = ["tracer", "empty_pair"]

    func createBuildCommands(context: PluginContext, target: any Target) throws -> [Command] {
        let sources = context.package.directoryURL.appending(path: "bpf")
        let includes = sources.appending(path: "include")
        let files = try [sources, includes].flatMap { directory in
            try FileManager.default.contentsOfDirectory(at: directory, includingPropertiesForKeys: nil)
                .filter { ["c", "h"].contains($0.pathExtension) }
        }
        let compiler = try context.tool(named: "probe-compiler").url
        // The toolchain's clang has the BPF target; $CLANG and the system's are tried after it.
        let clang = (try? context.tool(named: "clang").url.path()) ?? "clang"
        return Self.images.map { image in
            let output = context.pluginWorkDirectoryURL.appending(path: "\(image).swift")
            return .buildCommand(
                displayName: "Compiling probes \(image)",
                executable: compiler,
                arguments: [
                    clang, sources.appending(path: "\(image).bpf.c").path(), includes.path(), image, output.path(),
                ],
                inputFiles: files,
                outputFiles: [output])
        }
    }
}
