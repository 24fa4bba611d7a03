// From an fd number to what it is: the walk through the fd table, the type, the path or the addresses.
#pragma once

#include "maps.bpf.h"

// Reading the kernel's memory by address, as these two do, costs a load where bpf_rdonly_cast exists, and a helper call
// otherwise. What is not there reads as zero.

// Eight bytes, a pointer most often, as a number. Any struct that begins with 64 bits will do.
static __always_inline u64 word_at(u64 address)
{
    u64 word = 0;

    if (config.has_rdonly_cast) {
        struct timespec64 *time = bpf_rdonly_cast((void *)address, ID_OF(timespec64));
        return time->tv_sec;
    }
    bpf_probe_read_kernel(&word, sizeof(word), (void *)address);
    return word;
}

#define POINTER_IN(type, address, field) word_at((u64)(address) + bpf_core_field_offset(type, field))

// A field that is no pointer.
#define NUMBER_IN(type, address, field)                                                                                \
    (config.has_rdonly_cast ? ((struct type *)bpf_rdonly_cast((void *)(address), ID_OF(type)))->field                  \
                            : BPF_CORE_READ((struct type *)(address), field))

// The struct file behind an fd of the current task, or 0. fs/file.c: files_lookup_fd_raw()
static __always_inline u64 file_of_fd(s32 fd)
{
    struct files_struct *files = untrusted(bpf_get_current_task_btf())->files;
    struct fdtable *fdt;

    if (!files)
        return 0;
    fdt = files->fdt;
    if (!fdt || (u32)fd >= fdt->max_fds)
        return 0;
    return word_at((u64)(fdt->fd + (u32)fd));
}

// Two loads without a helper call where the kernel can do it; this runs for every I/O call.
static __always_inline void read_flags(u64 file, u32 *f_flags, u8 *watched)
{
    bool in_epoll;

    if (config.has_rdonly_cast) {
        struct file *trusted = bpf_rdonly_cast((void *)file, ID_OF(file));
        *f_flags = trusted->f_flags;
        in_epoll = trusted->f_ep != 0;
    } else {
        struct file *pointer = (void *)file;
        *f_flags = BPF_CORE_READ(pointer, f_flags);
        in_epoll = BPF_CORE_READ(pointer, f_ep) != 0;
    }
    *watched = (*watched & ~IOTRACE_WATCHED_EPOLL) | in_epoll;
}

static __always_inline u32 generation_index(u64 process_id, s32 fd)
{
    return ((u32)(process_id ^ (process_id >> 22)) * 2654435761u + (u32)fd) % GENERATIONS;
}

static __always_inline u32 fd_generation(u64 process_id, s32 fd)
{
    return fd_generations[generation_index(process_id, fd)];
}

#define ANY_FD -1 // its generation changes with that of any fd of the process

static __always_inline void fd_changed(u64 process_id, s32 fd)
{
    __sync_fetch_and_add(&fd_generations[generation_index(process_id, fd)], 1);
    __sync_fetch_and_add(&fd_generations[generation_index(process_id, ANY_FD)], 1);
}

static __always_inline u8 socket_type(u64 sk)
{
    u16 family = NUMBER_IN(sock, sk, __sk_common.skc_family);
    u16 type = NUMBER_IN(sock, sk, sk_type);
    u16 protocol = NUMBER_IN(sock, sk, sk_protocol);

    if (family == AF_UNIX)
        return type == SOCK_STREAM  ? IOTRACE_FILE_UNIX_STREAM
               : type == SOCK_DGRAM ? IOTRACE_FILE_UNIX_DGRAM
                                    : IOTRACE_FILE_UNIX_SEQPACKET;
    if (family == AF_INET || family == AF_INET6) {
        if (type == SOCK_STREAM && (protocol == IPPROTO_TCP || protocol == IPPROTO_MPTCP))
            return IOTRACE_FILE_TCP;
        if (type == SOCK_DGRAM && protocol == IPPROTO_UDP)
            return IOTRACE_FILE_UDP;
    }
    if (family == AF_NETLINK)
        return IOTRACE_FILE_NETLINK;
    if (family == AF_PACKET)
        return IOTRACE_FILE_PACKET;
    return IOTRACE_FILE_SOCKET;
}

static __always_inline u16 read_unix_path(u64 sk, u8 *path)
{
    u64 address = POINTER_IN(struct unix_sock, sk, addr);
    int length;

    if (!address)
        return 0;
    length = NUMBER_IN(unix_address, address, len) - 2; // less sun_family
    if (length <= 0)
        return 0;
    if (length > IOTRACE_UNIX_PATH_BYTES)
        length = IOTRACE_UNIX_PATH_BYTES;
    if (bpf_probe_read_kernel(path, IOTRACE_UNIX_PATH_BYTES,
                              (void *)(address + bpf_core_field_offset(struct unix_address, name) + 2)))
        return 0;
    return length;
}

static __always_inline void read_ip_address(u8 *to, u32 length, u64 from)
{
    bpf_probe_read_kernel(to, length, (void *)from);
}

static __noinline void read_socket_name(struct iotrace_socket_name *name, u64 file)
{
    u64 socket = POINTER_IN(struct file, file, private_data), sk, peer;

    if (!name || !socket)
        return;
    sk = POINTER_IN(struct socket, socket, sk);
    if (!sk)
        return;
    name->family = NUMBER_IN(sock, sk, __sk_common.skc_family);
    name->local_length = 0;
    name->peer_length = 0;
    if (name->family == AF_UNIX) {
        name->local_length = read_unix_path(sk, name->local_path);
        peer = POINTER_IN(struct unix_sock, sk, peer);
        if (peer)
            name->peer_length = read_unix_path(peer, name->peer_path);
    } else if (name->family == AF_INET || name->family == AF_INET6) {
        name->local_port = NUMBER_IN(sock, sk, __sk_common.skc_num);
        name->peer_port = __builtin_bswap16(NUMBER_IN(sock, sk, __sk_common.skc_dport));
        if (name->family == AF_INET) {
            read_ip_address(name->local_address, 4, sk + bpf_core_field_offset(struct sock, __sk_common.skc_rcv_saddr));
            read_ip_address(name->peer_address, 4, sk + bpf_core_field_offset(struct sock, __sk_common.skc_daddr));
        } else {
            read_ip_address(name->local_address, 16,
                            sk + bpf_core_field_offset(struct sock, __sk_common.skc_v6_rcv_saddr));
            read_ip_address(name->peer_address, 16, sk + bpf_core_field_offset(struct sock, __sk_common.skc_v6_daddr));
        }
    }
}

#define PATH_COMPONENTS 40

// A place in a path. The addresses are kernel pointers, which are only ever read from with a helper.
struct path_place {
    u64 vfs;
    u64 dentry;
};

static __always_inline struct path_place place_of(u64 file)
{
    struct path_place place = {.vfs = POINTER_IN(struct file, file, f_path.mnt),
                               .dentry = POINTER_IN(struct file, file, f_path.dentry)};
    return place;
}

static __always_inline bool is_mount_root(struct path_place *place)
{
    return place->dentry == POINTER_IN(struct vfsmount, place->vfs, mnt_root);
}

// From the root of a mounted file system to what it is mounted on. Returns whether there is such a thing.
static __always_inline bool leave_mount(struct path_place *place)
{
    u64 mount = place->vfs - bpf_core_field_offset(struct mount, mnt);
    u64 up = POINTER_IN(struct mount, mount, mnt_parent);

    if (!up || up == mount)
        return false;
    place->dentry = POINTER_IN(struct mount, mount, mnt_mountpoint);
    place->vfs = up + bpf_core_field_offset(struct mount, mnt);
    return true;
}

// How far a path has been read.
struct path_walk {
    struct path_place place;
    struct iotrace_file_record *record;
    u64 used;
};

// One component, or one mount point; 1 ends the walk.
static long read_component(u32 index, struct path_walk *walk)
{
    u64 dentry = walk->place.dentry, used = walk->used;
    u64 parent = POINTER_IN(struct dentry, dentry, d_parent);
    struct iotrace_file_record *record = walk->record;
    long length;

    if (is_mount_root(&walk->place)) {
        if (leave_mount(&walk->place))
            return 0;
        record->path_truncated = 0;
        return 1;
    }
    if (used >= IOTRACE_PATH_BYTES - 1)
        return 1;
    length = bpf_probe_read_kernel_str(record->path + (used & (IOTRACE_PATH_BYTES - 1)), 256,
                                       (void *)POINTER_IN(struct dentry, dentry, d_name.name));
    if (length <= 0 || used + length > IOTRACE_PATH_BYTES)
        return 1;
    walk->used = used + length;
    if (dentry == parent) { // a file system without a mount point: pipefs, anon_inodefs, memfd
        record->path_truncated = 0;
        return 1;
    }
    walk->place.dentry = parent;
    return 0;
}

// Writes the components of a path from the leaf up, crossing mount points, as d_path() would print them in reverse.
// fs/d_path.c: prepend_path()
static __always_inline void read_path(struct iotrace_file_record *record, u64 file)
{
    struct path_walk walk = {.record = record, .place = place_of(file)};

    if (!record || !walk.place.vfs || !walk.place.dentry)
        return;
    record->path_truncated = 1;
    bpf_loop(PATH_COMPONENTS, read_component, &walk, 0);
    record->path_length = walk.used;
}

static __always_inline u64 inode_number(u64 file)
{
    return NUMBER_IN(inode, POINTER_IN(struct file, file, f_inode), i_ino);
}

// Inode numbers are used again; then this differs. include/linux/fs.h
static __always_inline u32 inode_generation(u64 file)
{
    return NUMBER_IN(inode, POINTER_IN(struct file, file, f_inode), i_generation);
}

struct path_number {
    struct path_place place;
    u64 number;
};

#define SPREAD 0x9e3779b97f4a7c15ull // 2^64 by the golden ratio: numbers that are close end far apart

// As read_component(), but for the name's hash in its place.
static long add_component(u32 index, struct path_number *walk)
{
    u64 dentry = walk->place.dentry;
    u64 parent = POINTER_IN(struct dentry, dentry, d_parent);

    if (is_mount_root(&walk->place))
        return !leave_mount(&walk->place);
    walk->number = (walk->number ^ POINTER_IN(struct dentry, dentry, d_name.hash_len)) * SPREAD;
    if (dentry == parent)
        return 1;
    walk->place.dentry = parent;
    return 0;
}

// A number for the path of a regular file or a directory, its inode and the flags that it is open with; 0 for others. A
// renamed directory on the way makes it another one.
static __always_inline u64 path_number(u64 file)
{
    u64 inode = POINTER_IN(struct file, file, f_inode);
    struct path_number walk = {.number = inode, .place = place_of(file)};
    u16 type = NUMBER_IN(inode, inode, i_mode) & S_IFMT;

    if (type != S_IFREG && type != S_IFDIR)
        return 0;
    walk.number ^= (u64)inode_generation(file) << 32 | NUMBER_IN(file, file, f_flags);
    walk.number = walk.number * SPREAD ^ inode_number(file);
    if (!walk.place.vfs || !walk.place.dentry)
        return 0;
    bpf_loop(PATH_COMPONENTS, add_component, &walk, 0);
    return walk.number;
}

static __always_inline u8 file_type(u64 file, struct iotrace_file_record *record)
{
    u64 inode = POINTER_IN(struct file, file, f_inode);
    u64 super_block = POINTER_IN(struct inode, inode, i_sb);
    u16 mode = NUMBER_IN(inode, inode, i_mode);
    u32 magic = NUMBER_IN(super_block, super_block, s_magic);
    u32 major = NUMBER_IN(inode, inode, i_rdev) >> 20;
    u64 socket;

    record->inode = NUMBER_IN(inode, inode, i_ino);
    record->device = NUMBER_IN(super_block, super_block, s_dev);
    switch (mode & S_IFMT) {
    case S_IFSOCK:
        if (magic != SOCKFS_MAGIC) // a socket's name in a directory, opened with O_PATH
            return IOTRACE_FILE_UNKNOWN;
        socket = POINTER_IN(struct file, file, private_data);
        return socket_type(POINTER_IN(struct socket, socket, sk));
    case S_IFREG:
        return magic == ANON_INODE_FS_MAGIC ? IOTRACE_FILE_ANON : IOTRACE_FILE_REGULAR;
    case S_IFDIR:
        return IOTRACE_FILE_DIRECTORY;
    case S_IFBLK:
        return IOTRACE_FILE_BLOCK;
    case S_IFIFO:
        return magic == PIPEFS_MAGIC ? IOTRACE_FILE_PIPE : IOTRACE_FILE_FIFO;
    case S_IFCHR: // Documentation/admin-guide/devices.txt: 4 and 5 are terminals, 136 to 143 pseudo-terminals
        return major == 4 || major == 5 || (major >= 136 && major <= 143) ? IOTRACE_FILE_TTY : IOTRACE_FILE_CHAR;
    default: // before Linux 6.17 the shared anonymous inode had no file type
        return magic == ANON_INODE_FS_MAGIC ? IOTRACE_FILE_ANON : IOTRACE_FILE_UNKNOWN;
    }
}

// Documentation/admin-guide/devices.txt: major 1 are the memory devices.
static __always_inline u8 char_device(u64 file)
{
    switch (NUMBER_IN(inode, POINTER_IN(struct file, file, f_inode), i_rdev)) {
    case 1 << 20 | 3:
        return IOTRACE_DEVICE_NULL;
    case 1 << 20 | 5:
    case 1 << 20 | 7:
        return IOTRACE_DEVICE_ZERO;
    default:
        return IOTRACE_DEVICE_PLAIN;
    }
}

static __always_inline u8 splice_class(u64 function)
{
    u32 *class = function ? bpf_map_lookup_elem(&splice_functions, &function) : 0;
    return class ? *class : IOTRACE_SPLICE_UNKNOWN;
}

// What splicing out of a file does with its pages.
static __always_inline u8 splice_source(u64 file, u8 type)
{
    u64 inode = POINTER_IN(struct file, file, f_inode), socket, operations, mapping;
    u8 class;

    if (type >= IOTRACE_FILE_FIRST_SOCKET) { // net/socket.c: sock_splice_read()
        socket = POINTER_IN(struct file, file, private_data);
        operations = POINTER_IN(struct socket, socket, ops);
        return POINTER_IN(struct proto_ops, operations, splice_read) ? IOTRACE_SPLICE_REFERENCES
                                                                     : IOTRACE_SPLICE_COPIES;
    }
    if (NUMBER_IN(inode, inode, i_flags) & S_DAX) // there is no page cache to take pages from
        return IOTRACE_SPLICE_COPIES;
    operations = POINTER_IN(struct file, file, f_op);
    class = splice_class(POINTER_IN(struct file_operations, operations, splice_read));
    if (class != IOTRACE_SPLICE_BY_MAPPING)
        return class;
    mapping = POINTER_IN(struct inode, inode, i_mapping);
    return POINTER_IN(struct address_space_operations, POINTER_IN(struct address_space, mapping, a_ops), read_folio) ||
                   NUMBER_IN(super_block, POINTER_IN(struct inode, inode, i_sb), s_magic) == TMPFS_MAGIC
               ? IOTRACE_SPLICE_REFERENCES
               : IOTRACE_SPLICE_COPIES;
}

static __always_inline u8 direct_way(u64 file, u8 type)
{
    u64 inode = POINTER_IN(struct file, file, f_inode), super_block, mapping, direct_io;

    if (type == IOTRACE_FILE_BLOCK)
        return IOTRACE_DIRECT_BY_BIO;
    super_block = POINTER_IN(struct inode, inode, i_sb);
    if (NUMBER_IN(super_block, super_block, s_magic) == TMPFS_MAGIC)
        return IOTRACE_DIRECT_NEVER;
    if (!POINTER_IN(struct super_block, super_block, s_bdev))
        return IOTRACE_DIRECT_UNKNOWN;
    mapping = POINTER_IN(struct inode, inode, i_mapping);
    direct_io =
        POINTER_IN(struct address_space_operations, POINTER_IN(struct address_space, mapping, a_ops), direct_IO);
    if (!config.has_iomap_events || (direct_io && splice_class(direct_io) != IOTRACE_NOOP_DIRECT_IO))
        return IOTRACE_DIRECT_BY_BIO;
    return IOTRACE_DIRECT_BY_IOMAP;
}

// A closed record is found when its path is opened again. Where there is no room for that it is not.
static __always_inline void remember_path(struct iotrace_file_record *record)
{
    struct iotrace_path_key key = {.process_id = record->process_id, .path = record->path_number};
    u64 file_id = record->file_id, *latest = bpf_map_lookup_elem(&closed_paths, &key);

    if (latest)
        *latest = file_id;
    else
        bpf_map_update_elem(&closed_paths, &key, &file_id, BPF_NOEXIST);
}

// The fd that leads to a record is gone; nothing happens when it was before. Returns whether the record may now be
// opened again.
static __always_inline bool close_record(struct iotrace_fd_binding *bound)
{
    u64 file_id = bound->file_id, *latest;
    struct iotrace_open_file_key key = {};
    struct iotrace_file_record *record;

    if (!bound->file)
        return false;
    record = bpf_map_lookup_elem(&files, &file_id);
    if (!record)
        return false;
    if (record->path_number) {
        remember_path(record);
        *(volatile u64 *)&bound->file = 0;
        *(volatile u32 *)&record->closed = 1; // last: from now on another thread may have it
        return true;
    }
    record->closed = 1;
    key.process_id = record->process_id;
    key.file = record->file;
    latest = bpf_map_lookup_elem(&open_files, &key);
    if (latest && *latest == file_id) // a duplicate may have taken it over
        bpf_map_delete_elem(&open_files, &key);
    return false;
}

// Functions that are not static are verified once by themselves instead of at every call; they take scalars and
// pointers to memory only, and return scalars.

// The record of another number of the same open file. The inode tells it from a file that was closed unseen, whose
// address is used again.
static __always_inline struct iotrace_file_record *known_duplicate(struct iotrace_open_file_key *key, u64 inode)
{
    u64 *file_id = bpf_map_lookup_elem(&open_files, key);
    struct iotrace_file_record *record = file_id ? bpf_map_lookup_elem(&files, file_id) : 0;

    return record && record->inode == inode && !record->closed ? record : 0;
}

// Closed, of that path, and from now on open: only one of two threads that open the path at a time gets it.
static __always_inline struct iotrace_file_record *take_closed(u64 file_id, u64 path)
{
    struct iotrace_file_record *record = bpf_map_lookup_elem(&files, &file_id);

    return record && record->path_number == path && __sync_val_compare_and_swap(&record->closed, 1, 0) ? record : 0;
}

// Leads an fd and an open file to a record that is opened again. Programs tend to get the number and the kernel's
// memory that the last opening had, so the entries are most often there already.
static __always_inline bool bind_again(struct iotrace_fd_key *key, struct iotrace_fd_binding *known,
                                       struct iotrace_file_record *record, u64 file)
{
    struct iotrace_fd_binding binding = {.file = file, .inode = record->inode, .file_id = record->file_id};
    struct iotrace_open_file_key open_key = {.process_id = key->process_id, .file = record->file};
    u64 *latest = bpf_map_lookup_elem(&open_files, &open_key);

    if (record->file != file) {
        if (latest && *latest == binding.file_id)
            bpf_map_delete_elem(&open_files, &open_key);
        open_key.file = record->file = file;
        latest = 0;
    }
    if (!latest || *latest != binding.file_id)
        PUT(open_files, &open_key, &binding.file_id);
    if (!known)
        return !bpf_map_update_elem(&fd_bindings, key, &binding, BPF_ANY);
    known->file_id = binding.file_id;
    known->inode = binding.inode;
    *(volatile u64 *)&known->file = file; // last: it makes the rest valid
    return true;
}

// Goes on, as `fd`, in a closed record of the same path. Returns its file_id, or 0 when there is none. `bound` is the
// binding of the fd, which is closed, or null.
__noinline u64 reopen_record(u64 process_id, s32 fd, u64 file, u64 path, struct iotrace_fd_binding *bound)
{
    struct iotrace_fd_key key = {.process_id = process_id, .fd = fd};
    struct iotrace_path_key path_key = {.process_id = process_id, .path = path};
    struct iotrace_file_record *record = bound ? take_closed(bound->file_id, path) : 0;
    u64 *latest;

    if (!record) {
        latest = bpf_map_lookup_elem(&closed_paths, &path_key);
        record = latest ? take_closed(*latest, path) : 0;
        if (!record)
            return 0;
    }
    record->opens++;
    record->polled = 0;
    if (record->fd != fd) { // the binding of the other one is left for user space
        record->fds_differ = 1;
        record->fd = fd;
    }
    if (bind_again(&key, bound, record, file))
        return record->file_id;
    record->opens--;
    record->closed = 1;
    return 0;
}

// Makes a new record for an fd and binds the number to it. Returns its file_id, or 0 when a map is full. `path`: by
// what it is found when the same path is opened again; 0: it is not.
__noinline u64 new_record(u64 process_id, s32 fd, u64 file, u64 path, u32 who)
{
    struct iotrace_fd_key key = {.process_id = process_id, .fd = fd};
    struct iotrace_fd_binding binding = {.file = file};
    struct iotrace_open_file_key open_key = {.process_id = process_id, .file = file};
    struct iotrace_file_record *record, *duplicate;
    struct scratch *scratch = scratch_of(who);

    if (!scratch)
        return 0;
    record = &scratch->file;
    record->file_id = binding.file_id = __sync_fetch_and_add(&last_file_id, 1) + 1;
    record->process_id = process_id;
    record->file = file;
    record->fd = fd;
    record->opened_ns = bpf_ktime_get_ns();
    record->opens = 1;
    record->fds_differ = 0;
    record->path_number = path;
    record->path_length = 0;
    record->path_truncated = 0;
    record->type = file_type(file, record);
    binding.inode = record->inode;
    record->pair_id = record->type == IOTRACE_FILE_REGULAR
                          ? 1ull << 63 | ((u64)record->device << 32 ^ (u64)inode_generation(file) << 20 ^ record->inode)
                          : record->file_id;
    record->char_device = record->type == IOTRACE_FILE_CHAR ? char_device(file) : IOTRACE_DEVICE_PLAIN;
    record->zc_operation = 0;
    record->zc_reason = IOTRACE_ZC_UNTOLD;
    record->direct_way = direct_way(file, record->type);
    record->splice_source = splice_source(file, record->type);
    record->splice_sink =
        splice_class(POINTER_IN(struct file_operations, POINTER_IN(struct file, file, f_op), splice_write));
    record->watched = 0;
    record->again = 0;
    record->epoll_events = 0;
    duplicate = known_duplicate(&open_key, record->inode);
    record->polled = duplicate ? duplicate->polled : 0;
    __builtin_memset(&record->models, 0, sizeof(record->models));
    read_flags(file, &record->f_flags, &record->watched);
    __builtin_memset(&record->socket, 0, sizeof(record->socket));
    if (record->type >= IOTRACE_FILE_FIRST_SOCKET)
        read_socket_name(&record->socket, file);
    else
        read_path(record, file);
    if (bpf_map_update_elem(&files, &record->file_id, record, BPF_ANY))
        return 0;
    if (bpf_map_update_elem(&fd_bindings, &key, &binding, BPF_ANY)) {
        bpf_map_delete_elem(&files, &record->file_id);
        return 0;
    }
    PUT(open_files, &open_key, &binding.file_id);
    return binding.file_id;
}

// The file_id that an fd number leads to now, made when it is new. A record whose number was reused without a close
// that the probes saw (close_range, an exec, another process sharing the table) is told by the address or the inode.
static __always_inline u64 file_id_of(u64 process_id, s32 fd, u64 file, u32 who)
{
    struct iotrace_fd_key key = {.process_id = process_id, .fd = fd};
    struct iotrace_fd_binding *binding = bpf_map_lookup_elem(&fd_bindings, &key);

    if (binding) {
        if (binding->file == file && binding->inode == inode_number(file))
            return binding->file_id;
        close_record(binding);
    }
    return new_record(process_id, fd, file, 0, who);
}

// Adds what a thread counted on an fd to the record.
__noinline int flush_fd(struct iotrace_fd_counter *counter)
{
    struct iotrace_file_record *record;
    u64 file_id; // a key must be on the stack or in a map (until Linux 6.3)
    u32 model;

    if (!counter)
        return 0;
    file_id = counter->file_id;
    model = counter->model;
    record = bpf_map_lookup_elem(&files, &file_id);
    if (record) {
        __sync_fetch_and_add(&record->operations, counter->operations);
        __sync_fetch_and_add(&record->again, counter->again);
        __sync_fetch_and_add(&record->bytes_in, counter->bytes_in);
        __sync_fetch_and_add(&record->bytes_out, counter->bytes_out);
        __sync_fetch_and_add(&record->blocked_ns, counter->blocked_ns);
        if (model < IOTRACE_MODELS) {
            __sync_fetch_and_add(&record->models[model].operations, counter->operations);
            __sync_fetch_and_add(&record->models[model].bytes, counter->bytes_in + counter->bytes_out);
        }
        record->f_flags = counter->f_flags;
        record->watched = counter->watched;
    } else if (counter->operations) {
        LOSE(file_map_full, counter->operations);
    }
    counter->operations = 0;
    counter->again = 0;
    counter->bytes_in = 0;
    counter->bytes_out = 0;
    counter->blocked_ns = 0;
    return 0;
}

static __always_inline void fold_fd(struct iotrace_fd_counter *counter)
{
    if (!counter->file_id)
        return;
    flush_fd(counter);
    counter->file_id = 0;
    counter->file = 0;
}

static __always_inline bool is_socket(u8 type)
{
    return type >= IOTRACE_FILE_FIRST_SOCKET;
}

// The cause of a sleep: what the call waits for, or what the type of its fd says.
static __always_inline u32 resolve_cause(u32 cause, u8 type)
{
    if (cause != IOTRACE_CAUSE_BY_FD_IN && cause != IOTRACE_CAUSE_BY_FD_OUT)
        return cause < IOTRACE_CAUSES ? cause : IOTRACE_CAUSE_OTHER;
    if (is_socket(type))
        return cause == IOTRACE_CAUSE_BY_FD_IN ? IOTRACE_CAUSE_SOCKET_RECV : IOTRACE_CAUSE_SOCKET_SEND;
    if (type == IOTRACE_FILE_PIPE || type == IOTRACE_FILE_FIFO)
        return IOTRACE_CAUSE_PIPE;
    if (type == IOTRACE_FILE_REGULAR || type == IOTRACE_FILE_DIRECTORY || type == IOTRACE_FILE_BLOCK)
        return IOTRACE_CAUSE_DISK;
    return IOTRACE_CAUSE_OTHER;
}
