import IOModel
import Testing

@testable import Policy

@Suite struct PolicyTests {
    static func claims(_ text: String) throws -> [Claim] { try Policy.claims(from: Array(text.utf8)) }

    static func error(_ text: String) -> PolicyError? {
        do { _ = try Policy.claims(from: Array(text.utf8)) } catch { return error }
        return nil
    }

    @Test func aPolicyHasNamedClaimsWithScopeLimitAndReason() throws {
        let claims = try Self.claims(
            """
            # what the download path promises
            version: 1
            claims:
              - name: downloads leave without a copy
                reason: the CPU is needed for TLS
                process: [nginx, "worker-*"]
                fd-type: tcp
                path: "*:443 → *"
                zero-copy: true
                allow-copied-below: 4K
              - {name: no disk waits, max-blocked: disk:10ms}
              - name: loop
                model: multiplexed:95%
            """)
        #expect(claims.count == 3)
        #expect(claims[0].name == "downloads leave without a copy" && claims[0].reason == "the CPU is needed for TLS")
        #expect(claims[0].kind == .zeroCopy(allowCopiedBelow: 4096))
        #expect(claims[0].scope.processes.map(\.text) == ["nginx", "worker-*"] && claims[0].scope.fileTypes == [.tcp])
        #expect(claims[1].kind == .maxBlocked(.disk, 10_000_000) && claims[1].scope == Scope())
        #expect(claims[2].kind == .model(.multiplexed, atLeast: 0.95))
    }

    @Test func everyKindOfClaimCanBeMade() throws {
        let kinds = [
            "zero-copy: true", "max-amplification: 1.5", "max-copied: 1M", "model: async", "no-model: blocking",
            "max-blocked: any:1s", "max-switches-per-op: 2", "max-syscalls-per-mib: 20", "no-hidden-copies: true",
            "no-finding: hidden_copy", "min-payload: 1G",
        ]
        for kind in kinds {
            let claims = try Self.claims("version: 1\nclaims:\n- name: x\n  \(kind)\n")
            #expect(kind.hasPrefix(claims[0].kind.key + ":"))
        }
    }

    @Test(
        arguments: [
            ("", nil, "empty"), ("# nothing\n", nil, "empty"), ("- 1\n", 1, "mapping"),
            ("version: 2\nclaims: []\n", 1, "version 2"),
            ("version: 1\n", 1, "no claims"), ("version: 1\nclaims: []\n", 2, "empty"),
            ("version: 1\nclaims: x\n", 2, "list"),
            ("version: 1\nclaims:\n- name: x\n  max-copeid: 1\n", 4, "max-copeid"),
            ("version: 1\nclaims:\n- name: x\n\n  max-copied: lots\n", 5, "lots"),
            ("version: 1\nclaims:\n- name: x\n", 3, "claims nothing"),
            ("version: 1\nclaims:\n- max-copied: 1\n", 3, "no name"),
            ("version: 1\nclaims:\n- name: x\n  max-copied: 1\n  no-model: async\n", 5, "one claim each"),
            ("version: 1\nclaims:\n- name: x\n  max-copied: 1\n  allow-copied-below: 1\n", 5, "zero-copy"),
            ("version: 1\nclaims:\n- name: x\n  zero-copy: yes\n", 4, "true"),
            ("version: 1\nclaims:\n- name: x\n  max-copied: 1\n  max-copied: 2\n", 5, "twice"),
            ("version: 1\nclaims:\n- {name: x, max-copied: 1}\n- {name: x, max-copied: 2}\n", 4, "taken"),
            ("version: 1\nclaims:\n- name: x\n  fd-type: [tcp,\n    tpc]\n  max-copied: 1\n", 5, "tpc"),
            ("version: 1\nclaims:\n- name: x\n  max-copied: [1]\n", 4, "list"),
            ("version: 1\nclaims:\n- name: x\n  process: ''\n  max-copied: 1\n", 4, "process"),
            ("version: 1\nclaims:\n- name: x\n  max-blocked: {disk: 1s}\n", 4, "mapping"),
            ("version: 1\nclaims:\n  - name: x\n max-copied: 1\n", 4, "not YAML"),
            ("version: 1\nclaims: [", 3, "not YAML"), ("version: 1\n---\nversion: 1\n", 2, "another"),
            ("version: 1\nclaims:\n- name: !!binary x\n  max-copied: 1\n", 3, "tags"),
            ("a: &a [x]\nb: [*a, *a]\n", 2, "aliases"), ("version: 1\nclaims:\n- <<: {name: x}\n", 3, "<<"),
            ("version: 1\nclaims:\n- ? [a]\n  : b\n", 3, "unknown key"),
        ] as [(String, Int?, String)])
    func whatIsWrongIsNamedWithItsLine(text: String, line: Int?, words: String) throws {
        let error = try #require(Self.error(text))
        #expect(error.line == line && error.message.contains(words), "\(error)")
    }

    @Test func bytesThatAreNoTextAreRefused() {
        #expect(throws: PolicyError.self) { try Policy.claims(from: [0x76, 0x0A, 0xFF, 0xFE]) }
        #expect(throws: PolicyError.self) { try Policy.claims(from: Array("version: 1\u{1}\n".utf8)) }
        #expect(throws: PolicyError.self) { try Policy.claims(from: [UInt8](repeating: 0, count: 100)) }
    }

    @Test func anAliasBombIsRefusedWhereItBegins() {
        var bomb = "a: &a [x,x,x,x,x,x,x,x,x]\n"
        for level in 1...30 {
            let (now, before) = (
                Character(Unicode.Scalar(97 + UInt8(level % 26))),
                Character(Unicode.Scalar(96 + UInt8(level % 26 + (level % 26 == 0 ? 26 : 0))))
            )
            bomb += "k\(level): &\(now)\(level) [*\(before), *\(before)]\n"
        }
        #expect(Self.error(bomb)?.line == 2)
    }

    @Test func depthAndSizeAreBounded() {
        #expect(Self.error(String(repeating: "[", count: 100_000))?.message.contains("deep") == true)
        #expect(Self.error("x: \"" + String(repeating: "y", count: 5 << 20) + "\"")?.message.contains("4 MiB") == true)
        #expect(Self.error("[" + String(repeating: "1,", count: 500_000) + "]")?.message.contains("too many") == true)
    }

    @Test func tenThousandClaimsAreRead() throws {
        func policy(_ count: Int) -> String {
            "version: 1\nclaims:\n" + (1...count).map { "- {name: claim \($0), max-copied: \($0)}\n" }.joined()
        }
        #expect(try Self.claims(policy(10_000)).count == 10_000)
        #expect(Self.error(policy(10_001))?.line == 10_003)
    }
}
