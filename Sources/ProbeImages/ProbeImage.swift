/// A compiled BPF object, embedded in the executable. The build plugin adds one static member per image.
public struct ProbeImage: Sendable {
    public let name: String
    private let hexadecimal: StaticString

    init(name: String, hexadecimal: StaticString) {
        self.name = name
        self.hexadecimal = hexadecimal
    }

    /// The ELF object's bytes.
    public var bytes: [UInt8] {
        hexadecimal.withUTF8Buffer { digits in
            [UInt8](unsafeUninitializedCapacity: digits.count / 2) { buffer, count in
                count = digits.count / 2
                for index in 0..<count {
                    buffer[index] = Self.value(digits[2 * index]) << 4 | Self.value(digits[2 * index + 1])
                }
            }
        }
    }

    private static func value(_ digit: UInt8) -> UInt8 {
        digit < UInt8(ascii: "a") ? digit &- UInt8(ascii: "0") : digit &- UInt8(ascii: "a") &+ 10
    }
}
