// File mappings: I/O that is no call. Pages come with faults, and a write to a private mapping copies its page.
//
// Only mappings that the program itself made for data count: what the dynamic loader maps, and what may be executed, is
// code.
#pragma once

#include "ledger.bpf.h"

#define PROT_WRITE 2
#define PROT_EXEC 4
#define MAP_PRIVATE 2
#define MAP_ANONYMOUS 0x20
#define MAP_DENYWRITE 0x800 // ignored by the kernel; glibc's loader sets it
#define VM_WRITE 2
#define VM_SHARED 8
#define FAULT_WRITE 2 // X86_PF_WRITE, arch/x86/include/asm/trap_pf.h

struct mapped_file_key {
    u64 process_id;
    u64 mapping; // address of the inode's address_space
};
// The events tell which pages a fault tried to map, and it tries the same ones again and again. So at most as many
// count as there are.
struct mapped_file {
    u64 file_id;
    u64 size;   // bytes of its mappings
    u64 mapped; // of them, counted so far
};
LRU(mapped_files, 65536, struct mapped_file_key, struct mapped_file);
LRU(private_mappers, 8192, u64, u32); // processes with a writable private mapping of a file

u32 any_private_mapping SEC(".data.ids") = 0;

// After a successful mmap.
__noinline int note_mapping(struct iotrace_thread_state *thread, s32 fd, u64 protection, u64 flags, u64 length)
{
    struct mapped_file_key key = {};
    struct mapped_file *known, fresh = {};
    u64 file, process_id, size;
    u32 yes = 1;

    if (!thread || flags & (MAP_ANONYMOUS | MAP_DENYWRITE) || protection & PROT_EXEC)
        return 0;
    file = file_of_fd(fd);
    if (!file)
        return 0;
    process_id = thread->header.process_id;
    fresh.file_id = file_id_of(process_id, fd, file, SCRATCH_TRACEPOINT);
    key.process_id = process_id;
    key.mapping = (u64)BPF_CORE_READ((struct file *)file, f_inode, i_mapping);
    size = BPF_CORE_READ((struct file *)file, f_inode, i_size);
    fresh.size = ((size < length ? size : length) + PAGE_SIZE - 1) & ~(u64)(PAGE_SIZE - 1);
    known = bpf_map_lookup_elem(&mapped_files, &key);
    if (known) {
        __sync_fetch_and_add(&known->size, fresh.size);
        known->file_id = fresh.file_id;
    } else {
        PUT(mapped_files, &key, &fresh);
    }
    if (flags & MAP_PRIVATE && protection & PROT_WRITE) {
        if (bpf_map_update_elem(&private_mappers, &process_id, &yes, BPF_ANY))
            LOSE(ledger_map_full, 1);
        any_private_mapping = 1;
    }
    return 0;
}

static __always_inline struct iotrace_thread_state *active_thread(void)
{
    struct iotrace_thread_state *thread = state_of(bpf_get_current_task_btf());
    return thread && !(thread->header.flags & IOTRACE_THREAD_INACTIVE) ? thread : 0;
}

static __always_inline struct mapped_file *mapped_file_of(struct iotrace_thread_state *thread, u64 mapping)
{
    struct mapped_file_key key = {.process_id = thread->header.process_id, .mapping = mapping};
    return bpf_map_lookup_elem(&mapped_files, &key);
}

static __always_inline void add_mapped(struct iotrace_thread_state *thread, struct mapped_file *file, u64 bytes)
{
    u64 room = file->size > file->mapped ? file->size - file->mapped : 0;
    struct iotrace_file_record *record = file_record(file->file_id);

    if (bytes > room)
        bytes = room;
    if (record) // it may have been closed long ago
        __sync_fetch_and_add(&record->ledger.mapped, bytes);
    __sync_fetch_and_add(&file->mapped, bytes);
    thread->header.ledger.mapped += bytes;
}

// Pages mapped around a fault because they were in the page cache. mm/filemap.c: filemap_map_pages()
SEC("tp_btf/mm_filemap_map_pages")
int BPF_PROG(count_mapped, struct address_space *mapping, unsigned long start, unsigned long end)
{
    struct iotrace_thread_state *thread = active_thread();
    struct mapped_file *file = thread ? mapped_file_of(thread, (u64)mapping) : 0;
    u64 pages = end - start + 1;
    u64 index;

    if (!file)
        return 0;
    // The page that the fault before this one brought is among them.
    index = thread->header.last_fault_index;
    if (thread->header.last_fault_mapping == (u64)mapping && index >= start && index <= end)
        pages--;
    add_mapped(thread, file, pages * PAGE_SIZE);
    return 0;
}

// A page that had to be brought first. mm/filemap.c: filemap_fault()
SEC("tp_btf/mm_filemap_fault")
int BPF_PROG(count_fetched, struct address_space *mapping, unsigned long index)
{
    struct iotrace_thread_state *thread = active_thread();
    struct mapped_file *file = thread ? mapped_file_of(thread, (u64)mapping) : 0;

    if (!file)
        return 0;
    // The kernel comes twice for a page that it had to wait for.
    if (thread->header.last_fault_mapping == (u64)mapping && thread->header.last_fault_index == index)
        return 0;
    thread->header.last_fault_mapping = (u64)mapping;
    thread->header.last_fault_index = index;
    add_mapped(thread, file, PAGE_SIZE);
    return 0;
}

struct cow_search {
    u64 process_id;
    u64 file_id;
    u32 found;
    u32 reserved;
};

static long find_private(struct task_struct *task, struct vm_area_struct *area, struct cow_search *search)
{
    struct mapped_file_key key = {.process_id = search->process_id};
    struct mapped_file *file;
    u64 flags = BPF_CORE_READ(area, vm_flags);

    if (flags & VM_SHARED || !(flags & VM_WRITE))
        return 0;
    key.mapping = (u64)BPF_CORE_READ(area, vm_file, f_inode, i_mapping);
    file = key.mapping ? bpf_map_lookup_elem(&mapped_files, &key) : 0;
    if (file) {
        search->file_id = file->file_id;
        search->found = 1;
    }
    return 0;
}

// A write fault in a private mapping of a file copies the page. mm/memory.c: do_cow_fault(), wp_page_copy()
static __noinline int count_copy_on_write(struct iotrace_thread_state *thread, u64 address)
{
    struct cow_search search = {};
    struct iotrace_file_record *record;
    u32 *maps;

    search.process_id = thread->header.process_id;
    maps = bpf_map_lookup_elem(&private_mappers, &search.process_id);
    if (!maps)
        return 0;
    if (bpf_find_vma(bpf_get_current_task_btf(), address, find_private, &search, 0) == -16 /* EBUSY */) {
        LOSE(mapping_busy, 1);
        return 0;
    }
    if (!search.found)
        return 0;
    record = file_record(search.file_id);
    hide(search.process_id, record ? search.file_id : 0, IOTRACE_OPERATION_FAULT, IOTRACE_HIDDEN_COW, PAGE_SIZE);
    CHARGE(kernel_to_kernel, PAGE_SIZE);
    COUNT(kernel_copied_operations);
    return 0;
}

// Page faults taken from user mode: each is a mode switch there and back. arch/x86/mm/fault.c
SEC("tp_btf/page_fault_user")
int BPF_PROG(count_fault, unsigned long address, struct pt_regs *regs, unsigned long error_code)
{
    struct iotrace_thread_state *thread = state_of(bpf_get_current_task_btf());

    if (!thread || thread->header.flags & IOTRACE_THREAD_INACTIVE)
        return 0;
    thread->header.totals.user_faults++;
    if (error_code & FAULT_WRITE && any_private_mapping)
        count_copy_on_write(thread, address);
    return 0;
}

// Faults that a call takes on behalf of the program: a read() into a private mapping.
SEC("tp_btf/page_fault_kernel")
int BPF_PROG(count_kernel_fault, unsigned long address, struct pt_regs *regs, unsigned long error_code)
{
    struct iotrace_thread_state *thread;

    if (!(error_code & FAULT_WRITE) || !any_private_mapping)
        return 0;
    thread = state_of(bpf_get_current_task_btf());
    if (thread && !(thread->header.flags & IOTRACE_THREAD_INACTIVE))
        count_copy_on_write(thread, address);
    return 0;
}
