internal import CLibbpf
internal import CProbeABI
internal import Glibc
internal import IOModel

/// Functions of the kernel that the probes know by address: what splice operations do, and which routines copy.
enum KernelSymbols {
    /// `file_operations.splice_read` and `.splice_write` by what they do with pages. Sources: fs/splice.c, mm/shmem.c,
    /// net/socket.c and the file systems' own wrappers around filemap_splice_read(). A name that a kernel lacks is no
    /// error; a function that is not here makes a transfer's way unknown.
    private static let references = """
        filemap_splice_read shmem_file_splice_read exfat_splice_read ext4_file_splice_read xfs_file_splice_read \
        btrfs_file_splice_read f2fs_file_splice_read ocfs2_file_splice_read nfs_file_splice_read ceph_splice_read \
        fuse_splice_read ovl_splice_read zonefs_file_splice_read ntfs_file_splice_read v9fs_file_splice_read \
        afs_file_splice_read orangefs_file_splice_read ecryptfs_splice_read_update_atime coda_file_splice_read \
        splice_to_socket splice_write_null
        """
    private static let copies = "copy_splice_read iter_file_splice_write ovl_splice_write"
    /// Linux 6.1 has one function for files with a page cache and for those without.
    private static let byMapping = "generic_file_splice_read"
    /// The splice_write of sockets before Linux 6.5.
    private static let bySendpage = "generic_splice_sendpage"
    /// Stands for direct I/O by iomap in `address_space_operations.direct_IO`.
    private static let noopDirectIO = "noop_direct_IO"
    /// Completes the bios of iomap's direct I/O: `bio.bi_end_io`.
    private static let iomapBio = "iomap_dio_bio_end_io"

    /// Routines that copy payload between user and kernel or inside the kernel. lib/iov_iter.c, lib/usercopy.c,
    /// arch/x86/lib, net/core/skbuff.c, net/core/datagram.c
    private static let copyRoutines = """
        rep_movs_alternative copy_user_generic_unrolled copy_user_generic_string copy_user_enhanced_fast_string \
        copy_user_short_string __copy_user_nocache __copy_user_flushcache copy_user_generic _copy_to_iter _copy_from_iter \
        _copy_from_iter_nocache _copy_from_iter_flushcache _copy_mc_to_iter copy_page_to_iter copy_page_from_iter \
        copy_page_to_iter_nofault copy_page_from_iter_atomic copy_folio_from_iter_atomic _copy_to_user _copy_from_user \
        copy_from_user_nofault copy_to_user_nofault memcpy __memcpy memcpy_orig memmove __memmove memcpy_fromio \
        copy_page copy_page_regs copy_mc_fragile copy_mc_enhanced_fast_string copy_mc_generic copy_mc_to_user \
        copy_mc_to_kernel copy_user_highpage copy_user_large_folio csum_partial_copy_generic \
        csum_and_copy_from_user csum_and_copy_to_user csum_partial_copy_nocheck csum_and_copy_from_iter_full \
        csum_and_copy_to_iter skb_copy_bits skb_copy_and_csum_bits skb_copy_ubufs skb_copy_datagram_iter \
        skb_copy_datagram_from_iter simple_copy_to_iter memcpy_to_iter memcpy_from_iter
        """
    private static let zeroRoutines = """
        rep_stos_alternative clear_user_original clear_user_rep_good clear_user_erms __clear_user iov_iter_zero memset \
        __memset memset_orig read_zero read_iter_zero clear_page_orig clear_page_rep clear_page_erms clear_page
        """

    /// Fills the maps that the probes look functions up in.
    /// - Returns: why the symbols are not known, if so.
    static func resolve(in object: BPFObject) throws(ProbeError) -> String? {
        let symbols = try object.map("symbols")
        var wanted: [(name: String, kind: Int32)] = []
        for (names, kind) in [
            (copyRoutines, IOTRACE_SYMBOL_COPY), (zeroRoutines, IOTRACE_SYMBOL_ZERO),
            (references, IOTRACE_SYMBOL_SPLICE), (copies, IOTRACE_SYMBOL_SPLICE), (byMapping, IOTRACE_SYMBOL_SPLICE),
            (noopDirectIO, IOTRACE_SYMBOL_SPLICE), (iomapBio, IOTRACE_SYMBOL_SPLICE),
            (bySendpage, IOTRACE_SYMBOL_SPLICE),
        ] {
            wanted += names.split(separator: " ").map { (String($0), kind) }
        }
        for (index, symbol) in wanted.prefix(Int(IOTRACE_SYMBOLS)).enumerated() {
            var entry = iotrace_symbol()
            withUnsafeMutableBytes(of: &entry.name) { bytes in
                bytes.copyBytes(from: symbol.name.utf8.prefix(bytes.count - 1))
            }
            entry.kind = UInt32(symbol.kind)
            try write(entry, at: UInt32(index), in: symbols)
        }
        if let reason = object.run("find_symbols") { return reason }
        let functions = try object.map("splice_functions")
        let ways = Dictionary(
            uniqueKeysWithValues: copies.split(separator: " ").map { (String($0), IOTRACE_SPLICE_COPIES) } + [
                (byMapping, IOTRACE_SPLICE_BY_MAPPING), (noopDirectIO, IOTRACE_NOOP_DIRECT_IO),
                (iomapBio, IOTRACE_IOMAP_BIO), (bySendpage, IOTRACE_SPLICE_SENDPAGE),
            ])
        var found = false
        for (index, symbol) in wanted.prefix(Int(IOTRACE_SYMBOLS)).enumerated() {
            var entry = try read(at: UInt32(index), in: symbols)
            guard entry.address != 0 else { continue }
            found = true
            if symbol.kind == IOTRACE_SYMBOL_SPLICE {
                var address = entry.address
                var way = UInt32(ways[symbol.name] ?? IOTRACE_SPLICE_REFERENCES)
                let failed = bpf_map_update_elem(functions, &address, &way, 0)
                guard failed == 0 else { throw ProbeError("noting \(symbol.name)", errorNumber: -failed) }
            }
            entry.size = size(of: entry)
            try write(entry, at: UInt32(index), in: symbols)
        }
        return found ? nil : "the kernel shows no symbol addresses"
    }

    /// The size in `name+0x0/0xSIZE`. An alias without a size of its own gets none, and is found under its other name.
    private static func size(of symbol: iotrace_symbol) -> UInt32 {
        let text = withUnsafeBytes(of: symbol.text) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        guard let slash = text.lastIndex(of: "/") else { return 0 }
        let digits = text[text.index(after: slash)...].dropFirst(2).prefix { $0.isHexDigit }
        return UInt32(digits, radix: 16) ?? 0
    }

    private static func write(_ symbol: iotrace_symbol, at index: UInt32, in map: Int32) throws(ProbeError) {
        var (key, value) = (index, symbol)
        let failed = bpf_map_update_elem(map, &key, &value, 0)
        guard failed == 0 else { throw ProbeError("writing map symbols", errorNumber: -failed) }
    }

    private static func read(at index: UInt32, in map: Int32) throws(ProbeError) -> iotrace_symbol {
        var (key, value) = (index, iotrace_symbol())
        let failed = bpf_map_lookup_elem(map, &key, &value)
        guard failed == 0 else { throw ProbeError("reading map symbols", errorNumber: -failed) }
        return value
    }
}
