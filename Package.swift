// swift-tools-version: 6.1
import PackageDescription

let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

let package = Package(
    name: "iotrace",
    products: [
        .executable(name: "iotrace", targets: ["iotrace"]),
        .executable(name: "overhead-benchmark", targets: ["OverheadBenchmark"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2")
    ],
    targets: [
        // Kernel side: the ABI that both sides include, and the images that the plugin compiles from bpf/*.bpf.c.
        .systemLibrary(name: "CProbeABI", path: "bpf/include"),
        .executableTarget(name: "probe-compiler", swiftSettings: strict),
        .plugin(name: "CompileProbes", capability: .buildTool(), dependencies: ["probe-compiler"]),
        .target(name: "ProbeImages", swiftSettings: strict, plugins: ["CompileProbes"]),

        // Policies: libyaml's events have a line for everything and expand no alias, and it is no Foundation.
        .systemLibrary(name: "CLibYAML", pkgConfig: "yaml-0.1", providers: [.apt(["libyaml-dev"])]),

        // What Swift cannot import or should not wrap.
        .systemLibrary(
            name: "CLibbpf", pkgConfig: "libbpf", providers: [.apt(["libbpf-dev", "libelf-dev"])]),
        .target(name: "CLinuxShims"),

        // The lab's transfers and programs, in plain C: each can be read as an example.
        .target(name: "LabSupport"),
        .target(name: "TransferLab", dependencies: ["LabSupport"]),
        .target(name: "ModelLab", dependencies: ["LabSupport"]),

        // Pure: no I/O, no privilege.
        .target(name: "IOModel", swiftSettings: strict),
        .target(name: "JSON", swiftSettings: strict),
        .target(name: "Recording", dependencies: ["IOModel", "JSON"], swiftSettings: strict),
        .target(name: "Export", dependencies: ["IOModel", "JSON"], swiftSettings: strict),
        .target(name: "Policy", dependencies: ["CLibYAML", "IOModel"], swiftSettings: strict),

        // The machine.
        .target(
            name: "ProbeLoader",
            dependencies: ["CLibbpf", "CLinuxShims", "CProbeABI", "ProbeImages", "IOModel"],
            swiftSettings: strict),
        .target(name: "Collector", dependencies: ["IOModel"], swiftSettings: strict),
        .executableTarget(
            name: "iotrace",
            dependencies: [
                "CLinuxShims", "Collector", "Export", "IOModel", "JSON", "ModelLab", "Policy", "ProbeLoader",
                "Recording",
                "TransferLab",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: strict),

        .executableTarget(
            name: "OverheadBenchmark",
            dependencies: ["CLibbpf", "CLinuxShims", "JSON", "ProbeImages"],
            path: "Benchmarks/OverheadBenchmark",
            swiftSettings: strict),

        .testTarget(name: "IOModelTests", dependencies: ["IOModel"], swiftSettings: strict),
        .testTarget(name: "PolicyTests", dependencies: ["IOModel", "Policy"], swiftSettings: strict),
        .testTarget(name: "JSONTests", dependencies: ["JSON"], swiftSettings: strict),
        .testTarget(
            name: "RecordingTests", dependencies: ["IOModel", "JSON", "Recording"],
            swiftSettings: strict),
        .testTarget(
            name: "ExportTests", dependencies: ["Export", "IOModel", "JSON"],
            exclude: ["Snapshots"], swiftSettings: strict),
        .testTarget(name: "CollectorTests", dependencies: ["Collector", "IOModel"], swiftSettings: strict),
        .testTarget(
            name: "ProbeLoaderTests", dependencies: ["CLibbpf", "CProbeABI", "IOModel", "ProbeImages", "ProbeLoader"],
            swiftSettings: strict),
    ]
)
