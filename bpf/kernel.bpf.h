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

#define CLONE_THREAD 0x00010000
#define PF_EXITING 0x00000004
#define PF_IO_WORKER 0x00000010
#define PF_KTHREAD 0x00200000
#define TASK_UNINTERRUPTIBLE 2
#define TASK_STOPPED_OR_TRACED 0x0c
#define TS_COMPAT 2
#define SIGNAL_GROUP_EXIT 4
#define ENOSYS 38
#define MAX_ERRNO 4095

#define RECORD __attribute__((preserve_access_index))

struct pt_regs {
    unsigned long r10, r9, r8, ax, cx, dx, si, di, orig_ax, ip;
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

struct vm_area_struct {
    unsigned long vm_start, vm_end;
} RECORD;

struct qstr {
    const unsigned char *name;
} RECORD;

struct super_block {
    u32 s_dev;
    unsigned long s_magic;
} RECORD;

struct inode {
    u16 i_mode;
    u32 i_rdev;
    struct super_block *i_sb;
    unsigned long i_ino;
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

struct file {
    void *private_data;
    struct inode *f_inode;
    unsigned int f_flags;
    struct path f_path;
    struct hlist_head *f_ep;
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
    struct css_set *cgroups;
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
    struct in6_addr skc_v6_daddr;
    struct in6_addr skc_v6_rcv_saddr;
} RECORD;

struct sock {
    struct sock_common __sk_common;
    u16 sk_type;
    u16 sk_protocol;
} RECORD;

struct socket {
    struct sock *sk;
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
