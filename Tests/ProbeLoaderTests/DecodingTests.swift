import CProbeABI
import IOModel
import ProbeImages
import Testing

@testable import ProbeLoader

/// What both sides must agree on, without loading anything.
@Suite struct ABITests {
    @Test func latencyBucketsAreThoseOfTheProbes() {
        #expect(Latency.bucketCount == MemoryLayout<iotrace_latency>.size / 8 - 4)
        #expect(Latency.firstOctave == Int(IOTRACE_LATENCY_FIRST_OCTAVE))
        #expect(Latency.lastOctave == Int(IOTRACE_LATENCY_LAST_OCTAVE))
    }

    @Test func callKindsAreThoseOfTheProbes() {
        let pairs: [(CallKind, Int32)] = [
            (.none, IOTRACE_KIND_NONE), (.read, IOTRACE_KIND_READ), (.write, IOTRACE_KIND_WRITE),
            (.recvmmsg, IOTRACE_KIND_RECVMMSG), (.sendmmsg, IOTRACE_KIND_SENDMMSG), (.sendfile, IOTRACE_KIND_SENDFILE),
            (.splice, IOTRACE_KIND_SPLICE), (.copyRange, IOTRACE_KIND_COPY_RANGE), (.tee, IOTRACE_KIND_TEE),
            (.vmsplice, IOTRACE_KIND_VMSPLICE), (.vmRead, IOTRACE_KIND_VM_READ), (.vmWrite, IOTRACE_KIND_VM_WRITE),
            (.getEvents, IOTRACE_KIND_GETEVENTS), (.mmap, IOTRACE_KIND_MMAP),
            (.epollCtl, IOTRACE_KIND_EPOLL_CTL),
            (.fdWait, IOTRACE_KIND_FD_WAIT), (.wait, IOTRACE_KIND_WAIT), (.accept, IOTRACE_KIND_ACCEPT),
            (.address, IOTRACE_KIND_ADDRESS), (.sync, IOTRACE_KIND_SYNC), (.fd, IOTRACE_KIND_FD),
            (.open, IOTRACE_KIND_OPEN), (.pipe, IOTRACE_KIND_PIPE), (.socketpair, IOTRACE_KIND_SOCKETPAIR),
            (.close, IOTRACE_KIND_CLOSE), (.dup, IOTRACE_KIND_DUP), (.fcntl, IOTRACE_KIND_FCNTL),
        ]
        for (kind, abi) in pairs { #expect(kind.rawValue == UInt8(abi)) }
    }

    @Test func causesAreThoseOfTheProbes() {
        let pairs: [(BlockingCause, Int32)] = [
            (.disk, IOTRACE_CAUSE_DISK), (.socketRecv, IOTRACE_CAUSE_SOCKET_RECV),
            (.socketSend, IOTRACE_CAUSE_SOCKET_SEND), (.accept, IOTRACE_CAUSE_ACCEPT),
            (.connect, IOTRACE_CAUSE_CONNECT), (.pipe, IOTRACE_CAUSE_PIPE), (.lock, IOTRACE_CAUSE_LOCK),
            (.multiplexer, IOTRACE_CAUSE_MULTIPLEXER), (.asyncWait, IOTRACE_CAUSE_ASYNC_WAIT),
            (.sleep, IOTRACE_CAUSE_SLEEP), (.child, IOTRACE_CAUSE_CHILD), (.pageFault, IOTRACE_CAUSE_PAGE_FAULT),
            (.other, IOTRACE_CAUSE_OTHER),
        ]
        #expect(pairs.count == Int(IOTRACE_CAUSES))
        for (cause, abi) in pairs { #expect(cause.rawValue == Int(abi)) }
    }

    @Test func ledgerFieldsAreThoseOfTheProbes() {
        #expect(LedgerFigures.fields.count == Int(IOTRACE_LEDGER_FIELDS))
        var abi = iotrace_ledger()
        abi.in_not_copied = 1
        abi.direct = 2
        abi.zc_sent = 3
        abi.dma_in = 4
        abi.dirtied = 5
        abi.calls_elsewhere = 6
        abi.zc_sends_copied = 7
        let ledger = LedgerFigures(abi)
        #expect(ledger.inNotCopied == 1 && ledger.direct == 2 && ledger.zeroCopySent == 3 && ledger.dmaIn == 4)
        #expect(ledger.dirtied == 5 && ledger.callsElsewhere == 6 && ledger.zeroCopySendsCopied == 7)
        #expect(ledger.counters.reduce(0, +) == 28)
    }

    @Test func totalsAreThoseOfTheProbes() {
        #expect(MemoryLayout<iotrace_totals>.size == 8 * (Totals.counterCount + Int(IOTRACE_CAUSES)))
        var abi = iotrace_totals()
        (abi.observed_ns, abi.runqueue_ns, abi.user_faults, abi.startup_operations) = (1, 2, 3, 4)
        (abi.uring_operations, abi.signals_sent, abi.again_timed, abi.idle_wakeups) = (5, 6, 7, 8)
        (abi.loop_sync_ns, abi.loop_blocking_calls, abi.poll_fds, abi.sqpoll_on_cpu_ns) = (9, 10, 11, 12)
        (abi.select_sleeps, abi.instant_waits) = (13, 14)
        withUnsafeMutableBytes(of: &abi.causes) { $0.bindMemory(to: UInt64.self)[Int(IOTRACE_CAUSE_OTHER)] = 15 }
        let totals = withUnsafeBytes(of: abi) { Totals($0) }
        #expect(totals.observed == 1 && totals.runQueue == 2 && totals.userFaults == 3 && totals.startupOperations == 4)
        #expect(totals.uringOperations == 5 && totals.signalsSent == 6 && totals.againTimed == 7)
        #expect(totals.idleWakeups == 8 && totals.loopSync == 9 && totals.loopBlockingCalls == 10)
        #expect(totals.pollFDs == 11 && totals.submissionPollOnCPU == 12 && totals.selectSleeps == 13)
        #expect(totals.instantWaits == 14 && totals[.other] == 15)
    }

    @Test func requestFieldsAreThoseOfTheProbes() {
        #expect(RequestFigures.fields.count == Int(IOTRACE_REQUEST_FIELDS))
        var abi = iotrace_request_counter()
        (abi.submitted, abi.bytes, abi.cancelled, abi.multishot) = (1, 2, 3, 4)
        let figures = RequestFigures(abi)
        #expect(figures.submitted == 1 && figures.bytes == 2 && figures.cancelled == 3 && figures.multishot == 4)
    }

    @Test func modelSlotsAreThoseOfTheProbes() {
        let pairs: [(ModelSlot, Int32)] = [
            (.blocking, IOTRACE_MODEL_BLOCKING), (.nonblocking, IOTRACE_MODEL_NONBLOCKING),
            (.epoll, IOTRACE_MODEL_EPOLL),
            (.epollBlockingFD, IOTRACE_MODEL_EPOLL_BLOCKING_FD), (.poll, IOTRACE_MODEL_POLL),
            (.pollBlockingFD, IOTRACE_MODEL_POLL_BLOCKING_FD), (.select, IOTRACE_MODEL_SELECT),
            (.selectBlockingFD, IOTRACE_MODEL_SELECT_BLOCKING_FD), (.signal, IOTRACE_MODEL_SIGNAL),
            (.signalBlockingFD, IOTRACE_MODEL_SIGNAL_BLOCKING_FD), (.uring, IOTRACE_MODEL_URING),
            (.uringSQPoll, IOTRACE_MODEL_URING_SQPOLL), (.aio, IOTRACE_MODEL_AIO), (.none, IOTRACE_MODEL_NONE),
        ]
        #expect(pairs.count == Int(IOTRACE_MODELS) && pairs.count == ModelSlot.allCases.count)
        for (slot, abi) in pairs { #expect(slot.rawValue == Int(abi)) }
    }

    @Test func reasonsOfHiddenCopiesAreThoseOfTheProbes() {
        let pairs: [(HiddenCopy, Int32)] = [
            (.spliceSourceCopies, IOTRACE_HIDDEN_SPLICE_SOURCE), (.spliceIntoFile, IOTRACE_HIDDEN_SPLICE_INTO_FILE),
            (.copyRangeWithoutReflink, IOTRACE_HIDDEN_COPY_RANGE), (.zeroCopyNotEnabled, IOTRACE_HIDDEN_ZC_NOT_ENABLED),
            (.zeroCopyUnsupported, IOTRACE_HIDDEN_ZC_UNSUPPORTED), (.zeroCopyLoopback, IOTRACE_HIDDEN_ZC_LOOPBACK),
            (.zeroCopyNoScatterGather, IOTRACE_HIDDEN_ZC_NO_SG), (.zeroCopyCopied, IOTRACE_HIDDEN_ZC_COPIED),
            (.fixedBufferCopied, IOTRACE_HIDDEN_FIXED_BUFFER), (.directNotDirect, IOTRACE_HIDDEN_NOT_DIRECT),
            (.copyOnWrite, IOTRACE_HIDDEN_COW), (.spliceSinkCopies, IOTRACE_HIDDEN_SPLICE_SINK),
        ]
        #expect(pairs.count == HiddenCopy.allCases.count)
        for (reason, abi) in pairs { #expect(reason.rawValue == UInt32(abi)) }
        #expect(CopyHint.zeroCopySmall.rawValue == UInt32(IOTRACE_HINT_ZC_SMALL))
        #expect(Operation.uringFlag == UInt32(IOTRACE_OPERATION_URING))
        #expect(Operation.aioFlag == UInt32(IOTRACE_OPERATION_AIO))
        #expect(Operation.faultFlag == UInt32(IOTRACE_OPERATION_FAULT))
    }

    @Test func imagesAreELFObjectsForBPF() {
        for image in [ProbeImage.tracer, .emptyPair] {
            let bytes = image.bytes
            #expect(bytes.prefix(4).elementsEqual([0x7F, 0x45, 0x4C, 0x46]))
            #expect(bytes[18] == 247, "e_machine is EM_BPF")
        }
    }
}

@Suite struct DecodingTests {
    static func decode(_ change: (inout iotrace_file_record) -> Void, path: [UInt8] = []) -> FileIdentity {
        var record = iotrace_file_record()
        record.file_id = 1
        withUnsafeMutableBytes(of: &record.path) { $0.copyBytes(from: path) }
        record.path_length = UInt32(path.count)
        change(&record)
        return withUnsafeBytes(of: record) { decodeFile($0).figures.identity }
    }

    @Test func pathsAreWrittenFromTheLeafUp() {
        let identity = Self.decode({ $0.type = UInt8(IOTRACE_FILE_REGULAR) }, path: Array("c\0b\0a\0".utf8))
        #expect(identity.path == "/a/b/c")
        let cut = Self.decode(
            {
                $0.type = UInt8(IOTRACE_FILE_REGULAR)
                $0.path_truncated = 1
            }, path: Array("c\0b\0".utf8))
        #expect(cut.path == "…/b/c")
    }

    @Test(arguments: [
        ("[eventfd]", FileType.eventfd), ("[eventpoll]", .epoll), ("inotify", .inotify), ("bpf-map", .anon),
    ])
    func anonymousInodesAreToldByName(name: String, type: FileType) {
        #expect(Self.decode({ $0.type = UInt8(IOTRACE_FILE_ANON) }, path: Array(name.utf8) + [0]).type == type)
    }

    @Test func addressesAreWrittenAsPeopleWriteThem() {
        let identity = Self.decode { record in
            record.type = UInt8(IOTRACE_FILE_TCP)
            record.socket.family = 2
            record.socket.local_port = 80
            withUnsafeMutableBytes(of: &record.socket.local_address) { $0.copyBytes(from: [127, 0, 0, 1]) }
        }
        #expect(identity.local == "127.0.0.1:80")
        #expect(identity.peer == nil)
        let six = Self.decode { record in
            record.type = UInt8(IOTRACE_FILE_UDP)
            record.socket.family = 10
            record.socket.peer_port = 53
            withUnsafeMutableBytes(of: &record.socket.peer_address) { $0[15] = 1 }
        }
        #expect(six.peer == "[::1]:53")
    }

    @Test func abstractUnixNamesHaveAnAtSign() {
        let identity = Self.decode { record in
            record.type = UInt8(IOTRACE_FILE_UNIX_STREAM)
            record.socket.family = 1
            record.socket.local_length = 4
            withUnsafeMutableBytes(of: &record.socket.local_path) { $0.copyBytes(from: Array("\0abc".utf8)) }
        }
        #expect(identity.local == "@abc")
    }

    @Test func argumentsEndWithTheirNULs() {
        #expect(splitArguments(Array("a\0\0b\0".utf8)) == ["a", "", "b"])
        #expect(splitArguments(Array("a\0cut".utf8)) == ["a", "cut"])
        #expect(splitArguments([]) == [])
    }

    @Test func aThreadThatSleepsOnIsALineWithoutASample() {
        var asleep = iotrace_thread_line()
        (asleep.now_ns, asleep.tid, asleep.flags) = (77, 12, UInt32(IOTRACE_LINE_UNCHANGED))
        var sample = iotrace_thread_sample()
        (sample.line.now_ns, sample.line.tid) = (78, 13)
        sample.line.flags = UInt32(IOTRACE_LINE_ASLEEP | IOTRACE_LINE_SLEEP_WAIT)
        (sample.header.tid, sample.open_nr, sample.open_cause) = (13, 7, UInt32(IOTRACE_CAUSE_SLEEP))
        let bytes = withUnsafeBytes(of: asleep) { Array($0) } + withUnsafeBytes(of: sample) { Array($0) }
        var (lines, threads): ([UInt32: UInt64], [Snapshot.Thread]) = ([:], [])
        let used = bytes.withUnsafeBytes { bytes in
            decodeThreads(bytes) { reading in
                switch reading {
                case .asleep(let tid, let time): lines[tid] = time
                case .changed(let thread): threads.append(thread)
                }
            }
        }
        #expect(used == bytes.count && lines == [12: 77] && threads.count == 1)
        #expect(threads.first?.readAt == 78 && threads.first?.sleep?.cause == .sleep)
        #expect(threads.first?.sleep?.isWait == true && threads.first?.openCall?.number == 7)
    }

    @Test func aRecordHasChangedWhateverByteIsAnother() {
        var records = ChangedRecords<UInt64, Int>()
        var bytes = [UInt8](repeating: 0, count: 77)
        func changed(_ note: Int) -> Bool { bytes.withUnsafeBytes { records.take(1, $0, note: { note }) } }
        #expect(changed(0) && !changed(1))
        for index in bytes.indices {
            bytes[index] = 1
            #expect(changed(index) && !changed(-1))
            #expect(records.note(of: 1) == index)
        }
        records.distrust()
        #expect(changed(2) && !changed(3))
        records.forget(1)
        #expect(changed(4))
    }

    @Test func theMemoryOfAMapIsInItsDescription() {
        func memory(_ text: String) -> UInt64? {
            Array(text.utf8).withUnsafeBytes { MapFootprint.memory(in: $0) }
        }
        #expect(memory("pos:\t0\nmap_type:\t1\nmemlock:\t1052576\nmap_id:\t7\n") == 1_052_576)
        #expect(memory("pos:\t0\nmap_type:\t1\n") == nil)
        #expect(memory("memlock:\n") == nil)
    }

    @Test func aThreadThatIsCutWaitsForItsRest() {
        var sample = iotrace_thread_sample()
        sample.open_nr = -1
        let bytes = withUnsafeBytes(of: sample) { Array($0) }
        sample.call_count = 3
        let withoutItsCalls = withUnsafeBytes(of: sample) { Array($0) }
        func threads(in bytes: [UInt8]) -> Int {
            var count = 0
            bytes.withUnsafeBytes { bytes in _ = decodeThreads(bytes) { _ in count += 1 } }
            return count
        }
        #expect(threads(in: bytes) == 1)
        #expect(threads(in: Array(bytes.dropLast())) == 0)
        #expect(threads(in: withoutItsCalls) == 0)
        #expect(threads(in: bytes + withoutItsCalls) == 1)
    }
}
