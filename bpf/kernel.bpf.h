// The kernel's types as far as the probes read them. Field offsets are relocated against the running kernel's BTF
// (CO-RE), so only names and nesting matter here, and each struct lists just the fields in use.
#pragma once

#include <linux/bpf.h>
#include <linux/types.h>
#include <stdbool.h>

typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;
typedef __s32 s32;
typedef __s64 s64;

// Structs whose ids among the kernel's types the probes hand to it. The loader gives these names their values: it shows
// libbpf a few of the kernel's types only, which have other ids there.
enum iotrace_struct_ids {
    ID_OF_file,
    ID_OF_inode,
    ID_OF_io_kiocb,
    ID_OF_skb_shared_info,
    ID_OF_sock,
    ID_OF_super_block,
    ID_OF_task_struct,
    ID_OF_timespec64,
    ID_OF_unix_address,
};

#define AF_UNIX 1
#define AF_INET 2
#define AF_INET6 10
#define AF_NETLINK 16
#define AF_PACKET 17
#define SOCK_STREAM 1
#define SOCK_DGRAM 2
#define SOCK_SEQPACKET 5
#define IPPROTO_TCP 6
#define IPPROTO_UDP 17
#define IPPROTO_MPTCP 262

#define S_IFMT 0170000
#define S_IFIFO 0010000
#define S_IFCHR 0020000
#define S_IFDIR 0040000
#define S_IFBLK 0060000
#define S_IFREG 0100000
#define S_IFSOCK 0140000
#define PIPEFS_MAGIC 0x50495045
#define SOCKFS_MAGIC 0x534F434B
#define ANON_INODE_FS_MAGIC 0x09041934
#define TMPFS_MAGIC 0x01021994
#define S_DAX (1 << 13)

#define CLONE_THREAD 0x00010000
#define PF_EXITING 0x00000004
#define PF_IO_WORKER 0x00000010
#define PF_KTHREAD 0x00200000
#define TASK_UNINTERRUPTIBLE 2
#define TASK_STOPPED_OR_TRACED 0x0c
#define TS_COMPAT 2
#define SIGNAL_GROUP_EXIT 4
#define EPERM 1
#define EAGAIN 11
#define ENOSYS 38
#define ECANCELED 125
#define MAX_ERRNO 4095
#define O_ACCMODE 3
#define O_DIRECT 040000
#define PAGE_SIZE 4096
#define IFF_LOOPBACK 8

#define RECORD __attribute__((preserve_access_index))

struct pt_regs {
    unsigned long r10, r9, r8, ax, cx, dx, si, di, orig_ax, ip, sp;
} RECORD;

struct thread_info {
    u32 status;
} RECORD;

struct sched_entity {
    u64 sum_exec_runtime;
} RECORD;

typedef struct {
    int counter;
} atomic_t;

struct signal_struct {
    atomic_t live;
    int group_exit_code;
    unsigned int flags;
} RECORD;

struct mm_struct {
    unsigned long start_code, end_code, arg_start, arg_end;
} RECORD;

struct qstr {
    u64 hash_len; // of the name, in its directory
    const unsigned char *name;
} RECORD;

struct address_space_operations {
    void *read_folio;
    void *direct_IO;
} RECORD;

struct address_space {
    struct inode *host;
    struct address_space_operations *a_ops;
    unsigned long nrpages;
} RECORD;

struct block_device;

struct super_block {
    u32 s_dev;
    unsigned long s_magic;
    struct block_device *s_bdev;
} RECORD;

struct inode {
    u16 i_mode;
    u32 i_flags;
    u32 i_rdev;
    struct super_block *i_sb;
    struct address_space *i_mapping;
    unsigned long i_ino;
    s64 i_size;
    u32 i_generation;
} RECORD;

struct dentry {
    struct dentry *d_parent;
    struct qstr d_name;
} RECORD;

struct vfsmount {
    struct dentry *mnt_root;
} RECORD;

struct mount {
    struct mount *mnt_parent;
    struct dentry *mnt_mountpoint;
    struct vfsmount mnt;
} RECORD;

struct path {
    struct vfsmount *mnt;
    struct dentry *dentry;
} RECORD;

struct hlist_head;

struct file_operations {
    void *splice_read;
    void *splice_write;
    void *copy_file_range;
    void *remap_file_range;
} RECORD;

struct file {
    struct file_operations *f_op;
    void *private_data;
    struct inode *f_inode;
    unsigned int f_flags;
    struct path f_path;
    struct hlist_head *f_ep;
} RECORD;

struct vm_area_struct {
    unsigned long vm_start, vm_end, vm_flags;
    struct file *vm_file;
} RECORD;

struct iov_iter {
    bool data_source;
} RECORD;

// fs/aio.c and io_uring/rw.c embed it in a request of their own; in io_uring's the two start at the same address.
struct kiocb {
    struct file *ki_filp;
    void *ki_complete;
    int ki_flags;
} RECORD;

// fs/aio.c
struct io_event {
    u64 data;
    u64 obj; // address of the caller's iocb
    s64 res;
} RECORD;

struct aio_kiocb {
    struct io_event ki_res;
} RECORD;

struct bvec_iter {
    unsigned int bi_size;
} RECORD;

struct bio {
    u32 bi_opf;
    struct bvec_iter bi_iter;
    void *bi_end_io;
    void *bi_private;
} RECORD;

// fs/iomap/direct-io.c
struct iomap_dio {
    struct kiocb *iocb;
} RECORD;

struct timespec64 {
    s64 tv_sec;
} RECORD;

struct fdtable {
    unsigned int max_fds;
    struct file **fd;
} RECORD;

struct files_struct {
    struct fdtable *fdt;
} RECORD;

struct kernfs_node {
    u64 id;
} RECORD;

struct cgroup_subsys_state {
    struct cgroup *cgroup;
    struct cgroup_subsys_state *parent;
} RECORD;

struct cgroup {
    struct cgroup_subsys_state self;
    struct kernfs_node *kn;
} RECORD;

struct css_set {
    struct cgroup *dfl_cgrp;
} RECORD;

struct task_io_accounting {
    u64 read_bytes, write_bytes;
} RECORD;

struct bio_list;

typedef struct {
    unsigned long sig[1];
} RECORD sigset_t;

struct kernel_siginfo {
    int si_code;
} RECORD;

struct task_struct {
    struct thread_info thread_info;
    unsigned int __state;
    unsigned int flags;
    int on_cpu;
    int on_rq;
    struct sched_entity se;
    struct mm_struct *mm;
    int exit_code;
    unsigned in_iowait : 1;
    int pid;
    int tgid;
    struct task_struct *real_parent;
    struct task_struct *group_leader;
    unsigned long nvcsw;
    unsigned long nivcsw;
    u64 start_boottime;
    char comm[16];
    struct files_struct *files;
    struct signal_struct *signal;
    sigset_t blocked;
    struct css_set *cgroups;
    struct bio_list *bio_list;
    struct task_io_accounting ioac;
    void *bpf_storage;
} RECORD;

struct in6_addr {
    u8 bytes[16];
};

struct sock_common {
    u32 skc_daddr;
    u32 skc_rcv_saddr;
    u16 skc_dport;
    u16 skc_num;
    u16 skc_family;
    unsigned long skc_flags;
    struct in6_addr skc_v6_daddr;
    struct in6_addr skc_v6_rcv_saddr;
} RECORD;

struct device {
    struct device *parent;
} RECORD;

struct net_device {
    unsigned int flags;
    u64 features;
    struct device dev;
} RECORD;

struct dst_entry {
    struct net_device *dev;
} RECORD;

enum sock_flags {
    SOCK_ZEROCOPY,
};

struct sock {
    struct sock_common __sk_common;
    u16 sk_type;
    u16 sk_protocol;
    struct dst_entry *sk_dst_cache;
    struct socket *sk_socket;
    atomic_t sk_zckey;
} RECORD;

struct sk_buff {
    struct sock *sk;
    unsigned int data_len;
    unsigned int end;
    unsigned char *head;
} RECORD;

struct skb_shared_info {
    u8 flags;
} RECORD;

struct io_uring_cqe {
    u64 user_data;
    s32 res;
    u32 flags;
} RECORD;

struct io_ring_ctx {
    unsigned int flags;
} RECORD;

struct io_cqe {
    u64 user_data;
    int fd; // until the request completes
} RECORD;

struct io_kiocb {
    struct file *file;
    u8 opcode;
    u64 flags;
    struct io_ring_ctx *ctx;
    struct io_cqe cqe;
} RECORD;

struct io_sr_msg {
    int len;
    unsigned int msg_flags;
    u16 flags;
    struct io_kiocb *notif;
} RECORD;

struct proto_ops {
    void *splice_read;
} RECORD;

struct socket {
    struct sock *sk;
    struct proto_ops *ops;
} RECORD;

struct inet_connection_sock {
    void *icsk_ulp_ops;
} RECORD;

struct sockaddr_un {
    u16 sun_family;
    char sun_path[108];
};

struct unix_address {
    int len;
    struct sockaddr_un name[];
} RECORD;

struct unix_sock {
    struct unix_address *addr;
    struct sock *peer;
} RECORD;

struct bpf_iter_meta {
    struct seq_file *seq;
} RECORD;

struct bpf_iter__task {
    struct bpf_iter_meta *meta;
    struct task_struct *task;
} RECORD;
