"""The copy ledger is exact in bytes: it says what programs/copies.c, which looks at what its calls did, says of itself.

Each scenario compares the whole ledger of the process with the program's, the hidden copies, and the pairs of descriptors.
"""

import json
import os
import pathlib
import signal
import socket
import subprocess
import sys

import pytest

from conftest import ENVIRONMENT, IOTRACE, Trace, eventually, need_tool, of_pid
from copy_ledger import check_ledger, sums_that_differ, written_on
from copy_scenarios import (  # noqa: F401 (fixtures)
    MAPPED, PAGE, SIZE, Outcome, copies_program, memory_directory, mounted, scenario, write_source)


# ---- results ----

def test_vectors_count_what_they_returned(scenario):
    scenario("vectors", size=10_007).agrees()


@pytest.mark.parametrize("name", ["nonblocking", "interrupted", "closed_peer", "faults"])
def test_calls_that_were_cut_short_count_what_they_moved(scenario, name):
    scenario(name).agrees()


def test_a_pipe_of_packets_is_no_direct_io(scenario):
    scenario("packet_pipe").agrees()


def test_arguments_are_no_payload(scenario):
    scenario("arguments").agrees()


def test_devices_that_fill_and_discard_copy_nothing(scenario):
    scenario("devices").agrees()


def test_event_counters_terminals_and_proc_files_are_copied(scenario):
    scenario("small_files").agrees()


# ---- sockets ----

@pytest.mark.parametrize("name", ["tcp_truncated", "udp_truncated", "unix_dgram_truncated", "unix_seqpacket_truncated",
                                  "unix_stream_truncated"])
def test_a_truncated_receive_copies_only_what_arrived_in_the_buffer(scenario, name):
    scenario(name).agrees()


def test_a_peek_is_a_copy_but_no_payload(scenario):
    outcome = scenario("tcp_peeked").agrees()
    assert outcome.copies["amplification"] > 1.6


def test_many_messages_in_a_call_count_by_their_bytes(scenario):
    scenario("many_messages").agrees()


def test_many_truncated_messages_are_not_taken_for_copied(scenario):
    outcome = scenario("many_messages_truncated")
    expected = outcome.expected["copies"]
    assert outcome.copies["payload_in_bytes"] == expected["payload_in_bytes"]
    # Copied is what had room; which that is need not be known, but then it is not claimed.
    copied, unresolved = outcome.copies["kernel_to_user_bytes"], outcome.copies["unresolved_bytes"]
    assert copied <= expected["kernel_to_user_bytes"] <= copied + unresolved


def test_both_ends_of_a_local_socket_are_copies(scenario):
    scenario("unix_stream").agrees()


def test_a_passed_descriptor_is_no_payload_and_what_is_read_of_it_is(scenario):
    scenario("passed_file").agrees()


# ---- direct I/O ----

def test_a_direct_read_is_the_devices_copy(scenario):
    outcome = scenario("direct_read", cold=True).agrees()
    direct = [row for row in outcome.row["copy_paths"] if row["path"] == "direct"]
    assert [row["bytes"] for row in direct] == [SIZE]


def test_a_direct_write_is_the_devices_copy(scenario):
    outcome = scenario("direct_write").agrees()
    assert outcome.copies["dma_out_deferred_bytes"] <= 16 * PAGE


def test_a_direct_read_of_a_hole_moves_nothing(scenario):
    scenario("direct_hole").agrees()


def test_a_direct_read_of_a_sparse_file_fetches_what_is_there(scenario):
    scenario("direct_sparse").agrees()


@pytest.fixture
def loop_device(tmp_path):
    """A block device on a file."""
    (tmp_path / "image").write_bytes(os.urandom(MAPPED))
    made = subprocess.run([need_tool("losetup", "mount"), "--find", "--show", tmp_path / "image"], capture_output=True,
                          text=True, timeout=20)
    if made.returncode:
        pytest.skip(f"no loop device here: {made.stderr.strip()}")
    yield made.stdout.strip()
    subprocess.run(["losetup", "--detach", made.stdout.strip()], check=True, timeout=20)


@pytest.mark.parametrize("name", ["direct_read", "passed_file"])
def test_a_block_device_is_read_as_it_was_opened(name, loop_device, copies_program, trace, tmp_path):
    (tmp_path / "source").symlink_to(loop_device)
    document, process = trace([], [copies_program, name, tmp_path, MAPPED])
    assert process.returncode == 0, process.stderr.decode()
    Outcome(document, process.stdout).agrees()


def test_direct_io_on_tmpfs_is_a_hidden_copy(scenario, memory_directory):
    scenario("direct_copied", directory=memory_directory).agrees()


def test_direct_io_on_ext4_with_a_journal_of_its_data_is_a_hidden_copy(scenario, mounted):
    scenario("direct_copied", directory=mounted([need_tool("mkfs.ext4", "e2fsprogs"), "-q"], "loop,data=journal")).agrees()


def test_what_is_written_and_left_reaches_the_device_later(scenario):
    outcome = scenario("written_and_left").agrees()
    assert outcome.copies["dma_out_bytes"] == 0
    assert SIZE <= outcome.copies["dma_out_deferred_bytes"] <= SIZE + 16 * PAGE


def test_what_is_written_and_synced_goes_to_the_device_at_once(scenario):
    outcome = scenario("written_and_synced").agrees()
    # With the file system's own blocks, which fsync writes too.
    assert SIZE <= outcome.copies["dma_out_bytes"] <= SIZE + 16 * PAGE
    assert outcome.copies["dma_out_deferred_bytes"] <= 16 * PAGE


# ---- between descriptors ----

@pytest.mark.parametrize("name", ["sendfile_tcp", "sendfile_unix_stream", "sendfile_udp", "sendfile_pipe"])
def test_sendfile_moves_the_pages_of_a_file_by_reference(scenario, name):
    scenario(name).agrees()


def test_sendfile_of_a_file_on_tmpfs_moves_it_by_reference(scenario, memory_directory):
    scenario("sendfile_tcp", directory=memory_directory).agrees()


def test_sendfile_to_a_full_socket_counts_what_it_took(scenario):
    scenario("sendfile_short", size=3_000_000).agrees()


def test_sendfile_to_a_unix_datagram_socket_does_not_pass_for_avoided(scenario):
    outcome = scenario("sendfile_unix_dgram")
    # The program saw that its bytes were copied.
    assert outcome.expected["copies"]["kernel_to_kernel_bytes"] == PAGE
    assert outcome.copies["avoided_bytes"] == 0
    assert outcome.copies["kernel_to_kernel_bytes"] + outcome.copies["unresolved_bytes"] == PAGE


@pytest.mark.parametrize("name", ["sendfile_proc", "sendfile_zero", "splice_proc", "splice_datagrams"])
def test_a_source_without_pages_is_a_hidden_copy(scenario, name):
    scenario(name).agrees()


def test_sendfile_into_a_file_is_a_hidden_copy(scenario):
    scenario("sendfile_file").agrees()


def test_sendfile_into_a_file_opened_for_direct_io_copies_nothing(scenario):
    scenario("sendfile_into_direct").agrees()


def test_sendfile_from_a_direct_source_is_the_devices_copy(scenario):
    scenario("sendfile_direct", cold=True).agrees()


@pytest.mark.parametrize("name", ["splice_file_pipe_tcp", "splice_pipes"])
def test_splice_moves_pages_by_reference(scenario, name):
    scenario(name).agrees()


def test_files_with_neighbouring_numbers_are_two_sources(trace, memory_directory):
    # Some pair of inode numbers differs in the last bit only.
    script = """if True:
        import os, sys
        numbers = {}
        for name in map(str, range(8)):
            fd = os.open(name, os.O_RDWR | os.O_CREAT)
            os.write(fd, b"x" * 5003)
            numbers[os.fstat(fd).st_ino] = name, fd
        first, second = next((numbers[n], numbers[n + 1]) for n in numbers if n % 2 == 0 and n + 1 in numbers)
        sink = os.open("sink", os.O_WRONLY | os.O_CREAT)
        os.sendfile(sink, first[1], 0, 1009)
        os.sendfile(sink, second[1], 0, 2003)
        print(first[0], second[0])
    """
    document, process = trace([], [sys.executable, "-c", script], cwd=memory_directory)
    names = process.stdout.decode().split()
    (row,) = check_ledger(document)["processes"]
    pairs = {(pair["source"]["name"], pair["sink"]["name"]): pair["bytes"] for pair in row["copy_pairs"]}
    assert pairs == {(f"{memory_directory}/{name}", f"{memory_directory}/sink"): size
                     for name, size in zip(names, (1009, 2003))}


def test_splice_into_a_file_is_a_hidden_copy(scenario):
    scenario("splice_tcp_pipe_file").agrees()


def test_tee_duplicates_by_reference(scenario):
    scenario("tee_pipes").agrees()


def test_vmsplice_lends_pages_and_copies_what_it_gets(scenario):
    scenario("vmsplice_both").agrees()


def test_copy_file_range_without_shared_blocks_is_a_hidden_copy(scenario):
    scenario("copy_range").agrees()


def test_copy_file_range_on_tmpfs_is_a_hidden_copy(scenario, memory_directory):
    scenario("copy_range", directory=memory_directory).agrees()


@pytest.fixture(params=["btrfs", "xfs"])
def sharing_directory(request, mounted):
    """A file system whose files can share blocks."""
    return mounted([need_tool(f"mkfs.{request.param}", {"btrfs": "btrfs-progs", "xfs": "xfsprogs"}[request.param]), "-q"],
                   megabytes=400)


@pytest.mark.parametrize("name, shares", [("copy_range_shared", True), ("copy_range_unaligned", False)])
def test_copy_file_range_copies_where_it_shares_no_blocks(scenario, sharing_directory, name, shares):
    outcome = scenario(name, size=SIZE // PAGE * PAGE, directory=sharing_directory)
    extents = subprocess.run([need_tool("filefrag", "e2fsprogs"), "-s", "-v", sharing_directory / "sink"], capture_output=True,
                             text=True, check=True)
    assert ("shared" in extents.stdout) == shares
    outcome.agrees()


@pytest.fixture
def overlay_directory(tmp_path):
    """As the files of a container are mounted."""
    lower, upper, work, merged = (tmp_path / name for name in ("lower", "upper", "work", "merged"))
    for path in (lower, upper, work, merged):
        path.mkdir()
    options = f"lowerdir={lower},upperdir={upper},workdir={work}"
    made = subprocess.run(["mount", "-t", "overlay", "-o", options, "overlay", merged], capture_output=True, text=True,
                          timeout=20)
    if made.returncode:
        pytest.skip(f"no overlay file system here: {made.stderr.strip()}")
    yield merged
    subprocess.run(["umount", merged], check=True, timeout=20)


def test_copy_file_range_through_an_overlay_does_not_pass_for_avoided(scenario, overlay_directory):
    outcome = scenario("copy_range", directory=overlay_directory)
    # Below it is a file system that shares no blocks, or one of which this cannot be told.
    assert outcome.copies["avoided_bytes"] == 0
    assert outcome.copies["kernel_to_kernel_bytes"] + outcome.copies["unresolved_bytes"] == SIZE


@pytest.mark.parametrize("name", ["sendfile_tcp", "direct_read"])
def test_an_overlay_passes_on_what_the_file_system_below_does(scenario, overlay_directory, name):
    scenario(name, directory=overlay_directory, cold=name == "direct_read").agrees()


def test_memory_of_another_process_is_copied_between_users(scenario):
    scenario("another_process").agrees()


# ---- io_uring and Linux AIO ----

@pytest.mark.parametrize("name", ["uring_files", "uring_vectors", "uring_registered_file", "uring_polled", "uring_punted",
                                  "uring_batch", "uring_many", "uring_sockets",
                                  "aio_buffered"])
def test_submitted_operations_count_by_their_results(scenario, name):
    scenario(name).agrees()


def test_fixed_buffers_avoid_no_copy(scenario):
    scenario("uring_fixed").agrees()


def test_fixed_buffers_and_direct_io_copy_nothing(scenario):
    scenario("uring_fixed_direct", cold=True).agrees()


def test_submitted_direct_io_copies_nothing(scenario):
    scenario("aio_direct", cold=True).agrees()


# ---- memory ----

@pytest.fixture
def mapping(copies_program, trace, tmp_path):
    def run(name, touched):
        # In pages of their own: a fault may map a large folio as a whole.
        write_source(tmp_path, MAPPED, block=PAGE)
        document, process = trace([], [copies_program, name, tmp_path, touched])
        assert process.returncode == 0, process.stderr.decode()
        return Outcome(document, process.stdout).agrees()

    return run


def test_pages_written_in_a_private_mapping_are_copied(mapping):
    few, many = (mapping("mapping_written", pages * PAGE) for pages in (0, 64))
    assert written_on(many.row) - written_on(few.row) == 64 * PAGE


def test_pages_read_through_a_mapping_are_mapped_and_not_copied(mapping):
    few, many = (mapping("mapping_read", size) for size in (0, MAPPED))
    if many.copies["mapped_bytes"] is None:
        pytest.skip("this kernel does not tell which pages a fault maps")
    # Faults try 16 pages each, and one of them may have been there.
    assert MAPPED <= many.copies["mapped_bytes"] - few.copies["mapped_bytes"] <= MAPPED * 17 // 16 + PAGE
    assert written_on(many.row) == written_on(few.row)


def test_memory_that_a_fork_shares_is_not_a_file_that_is_copied(scenario):
    few, many = (scenario("forked_memory", size=pages * PAGE) for pages in (0, 128))
    rows = [of_pid(each.document, each.ledgers[1]["pid"]) for each in (few, many)]
    assert written_on(rows[1]) - written_on(rows[0]) < 16 * PAGE


# ---- threads and ends ----

def test_each_thread_has_its_own_ledger(scenario):
    outcome = scenario("threads").agrees()
    rows = {row["tid"]: row for row in outcome.row["copies_by_thread"]}
    for expected in outcome.expected["threads"]:
        assert {key: rows[expected["tid"]][key] for key in expected} == expected


@pytest.mark.parametrize("name", ["unix_stream", "direct_read", "sendfile_file", "another_process", "zerocopy_confirmed",
                                  "zerocopy_unread", "uring_files", "uring_polled", "uring_fixed_direct",
                                  "uring_send_zc_reported", "aio_direct", "aio_buffered"])
def test_the_threads_and_the_rest_add_up_to_the_process(scenario, name):
    row = scenario(name).row
    assert not sums_that_differ(row, row["copies_by_thread"])


def test_more_threads_than_anybody_lists_add_up_to_the_process(trace, tmp_path):
    script = ("import os, sys, threading\nfd = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT)\nfor _ in range(1500):\n"
              "    thread = threading.Thread(target=os.write, args=(fd, b'x' * 1009)); thread.start(); thread.join()\n")
    document, _ = trace([], [sys.executable, "-c", script, tmp_path / "made"])
    (row,) = check_ledger(document)["processes"]
    assert row["threads"] == 1501 and row["copies"]["user_to_kernel_bytes"] == 1500 * 1009
    assert not sums_that_differ(row, row["copies_by_thread"])


def children_of(pid):
    return [int(word) for path in pathlib.Path(f"/proc/{pid}/task").glob("*/children") for word in path.read_text().split()]


def drain(receiver):
    received = 0
    while data := receiver.recv(1 << 20):
        received += len(data)
    return received


@pytest.mark.parametrize("kind", ["unix", "tcp"])
@pytest.mark.parametrize("name", ["endless_write", "endless_sendfile"])
def test_a_process_killed_in_mid_transfer_moved_what_its_peer_got(name, kind, children, copies_program, tmp_path):
    write_source(tmp_path, 1 << 20, cold=False)
    if kind == "unix":
        sender, receiver = socket.socketpair()
    else:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            sender = socket.create_connection(listener.getsockname())
            receiver = listener.accept()[0]
    with receiver:
        with sender:
            tracer = Trace(children, tmp_path / "document.json", [], [copies_program, name, tmp_path, 1 << 20], stdout=sender)
        received = 0
        while received < 20_000_000:
            received += len(receiver.recv(1 << 16))
        (pid,) = children_of(tracer.process.pid)
        # Asleep in the middle of the transfer, because nobody receives.
        assert eventually(lambda: pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "S")
        os.kill(pid, signal.SIGKILL)
        document = tracer.wait()
        received += drain(receiver)
    row = check_ledger(document)["processes"][0]
    assert row["exit_status"] == 128 + signal.SIGKILL
    moved = "user_to_kernel_bytes" if name == "endless_write" else "avoided_bytes"
    assert row["copies"][moved] == row["copies"]["payload_out_bytes"] == received
    assert row["copies"]["user_to_kernel_bytes" if moved == "avoided_bytes" else "avoided_bytes"] == 0


# ---- what was there before ----

@pytest.mark.parametrize("name", ["direct_read", "sendfile_tcp", "zerocopy_unread", "zerocopy_confirmed",
                                  "zerocopy_not_enabled", "uring_files", "uring_fixed", "uring_fixed_direct",
                                  "uring_send_zc_reported", "uring_send_zc_unreported", "aio_direct"])
def test_what_was_set_up_before_the_trace_is_known(name, attach, children, copies_program, tmp_path):
    write_source(tmp_path, SIZE, cold="direct" in name)
    program = children.start([copies_program, name, tmp_path, SIZE], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                             env={**os.environ, "COPIES_WAIT": "1"})
    assert eventually(lambda: pathlib.Path(f"/proc/{program.pid}/syscall").read_text().startswith("0 0x0 "))
    tracer = attach("-p", program.pid)
    printed, _ = program.communicate(b"x", timeout=20)
    assert program.returncode == 0
    Outcome(tracer.stop(), printed).agrees()


def test_children_have_ledgers_of_their_own(trace, tmp_path):
    (tmp_path / "file").write_bytes(b"x" * 300_007)
    document, _ = trace([], ["/bin/sh", "-c", f"/bin/cat {tmp_path}/file | /bin/dd of=/dev/null status=none; :"])
    check_ledger(document)
    (cat,), (dd,) = ([row["copies"] for row in document["processes"] if row["comm"] == comm] for comm in ("cat", "dd"))
    assert cat["user_to_kernel_bytes"] == 300_007 <= cat["kernel_to_user_bytes"]
    assert dd["user_to_kernel_bytes"] == 0 and dd["payload_out_bytes"] == 300_007 <= dd["kernel_to_user_bytes"]


@pytest.mark.parametrize("name", ["sendfile_proc", "zerocopy_partly_read", "uring_fixed", "another_process", "threads"])
def test_a_recording_has_the_same_ledger(name, children, copies_program, tmp_path):
    write_source(tmp_path, SIZE)
    printed, write_end = os.pipe()
    recording, document = tmp_path / "recording", tmp_path / "report.json"
    recorder = children.start([IOTRACE, "record", "-o", recording, "--", copies_program, name, tmp_path, SIZE],
                              stdin=subprocess.DEVNULL, stdout=write_end, env=ENVIRONMENT)
    os.close(write_end)
    assert recorder.wait(20) == 0
    with open(printed, "rb") as pipe:
        line = pipe.read()
    subprocess.run([IOTRACE, "report", "--json", "-o", document, recording], check=True, timeout=20)
    Outcome(json.loads(document.read_text()), line).agrees()


# ---- the samples, which know nothing of the ledger ----

def samples_of(document):
    (row,) = document["processes"]
    return row["copies"]["copy_cpu_share"], row["syscalls"]["by_name"]


def test_samples_find_the_copies_of_a_program_that_copies(trace, tmp_path):
    (tmp_path / "file").write_bytes(os.urandom(1 << 20))
    script = "import os, sys\nfd = os.open(sys.argv[1], 0)\nfor _ in range(20_000): os.pread(fd, 1 << 20, 0)"
    document, _ = trace(["--sampling-hz", "999"], [sys.executable, "-c", script, tmp_path / "file"])
    share, calls = samples_of(check_ledger(document))
    assert share["samples"] > 100 and share["value"] > 0.3
    assert calls["pread64"]["copy_cpu_share"]["value"] > 0.4


def test_samples_do_not_take_zeros_for_copies(trace):
    document, _ = trace(["--sampling-hz", "999"],
                        ["/bin/dd", "if=/dev/zero", "of=/dev/null", "bs=1M", "count=30000", "status=none"])
    share, calls = samples_of(check_ledger(document))
    assert share["samples"] > 100 and share["value"] < 0.1
    assert calls["read"]["copy_cpu_share"]["value"] < 0.1


def test_no_sampling_is_no_share(trace):
    document, _ = trace(["--no-sampling"], ["/bin/dd", "if=/dev/zero", "of=/dev/null", "bs=1M", "count=100", "status=none"])
    share, calls = samples_of(check_ledger(document))
    assert share is None and all(call["copy_cpu_share"] is None for call in calls.values())
