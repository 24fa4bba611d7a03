/// Bytes that the kernel calls a name: a comm, a path, an argument. Whatever is not UTF-8 is written `\xHH`, so that
/// different names stay different and a document stays valid.
@inlinable
public func decodeName(_ bytes: some Sequence<UInt8>) -> String { decodeName(Array(bytes)) }

public func decodeName(_ bytes: [UInt8]) -> String {
    if let string = String(validating: bytes, as: UTF8.self) { return string }
    var text = ""
    var index = 0
    while index < bytes.count {
        let lead = bytes[index]
        let length = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4
        if index + length <= bytes.count,
            let piece = String(validating: bytes[index..<index + length], as: UTF8.self)
        {
            text += piece
            index += length
        } else {
            let hex = String(lead, radix: 16, uppercase: true)
            text += "\\x" + (hex.count == 1 ? "0" + hex : hex)
            index += 1
        }
    }
    return text
}
