import CLinuxShims
import ProbeLoader

/// What the directory's file system can do. statfs(2): f_type.
struct FileSystemKind {
    let mayReflink: Bool
    let isOnDisk: Bool

    init(of directory: String) throws {
        let kind = file_system_type(directory)
        guard kind >= 0 else {
            throw CommandFailure("--directory \(visible(directory)): \(ProbeError.name(of: Int32(-kind)))")
        }
        // linux/magic.h
        let (xfs, btrfs, bcachefs, ocfs2): (Int64, Int64, Int64, Int64) = (
            0x5846_5342, 0x9123_683E, 0xCA45_1A4E, 0x7461_636F
        )
        let (ext4, f2fs): (Int64, Int64) = (0xEF53, 0xF2F5_2010)
        mayReflink = [xfs, btrfs, bcachefs, ocfs2].contains(kind)
        isOnDisk = [ext4, f2fs, xfs, btrfs, bcachefs, ocfs2].contains(kind)
    }
}
