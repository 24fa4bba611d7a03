"""What has to hold in every copy ledger, whatever was traced."""

import pytest

DIRECTIONS = ["user_to_kernel_bytes", "kernel_to_user_bytes", "kernel_to_kernel_bytes", "user_to_user_bytes"]
PAYLOAD = ["payload_in_bytes", "payload_out_bytes"]
DEVICES = ["dma_in_bytes", "dma_out_bytes"]
BYTES = [*DIRECTIONS, "avoided_bytes", "unresolved_bytes", *PAYLOAD, *DEVICES, "dma_out_deferred_bytes"]
CODES = {"splice_source_copies", "splice_into_file", "copy_range_without_reflink", "zerocopy_not_enabled",
         "zerocopy_unsupported", "zerocopy_loopback", "zerocopy_no_scatter_gather", "zerocopy_copied", "fixed_buffer_copied",
         "direct_not_direct", "copy_on_write", "splice_sink_copies"}
# Moved between processes: no file is the payload's.
BETWEEN_PROCESSES = {"payload_in_bytes": "process_vm_readv", "payload_out_bytes": "process_vm_writev"}


def copied(copies):
    return sum(copies[key] for key in DIRECTIONS)


def written_on(figures):
    """Bytes that the writes to private file mappings copied: of every program's own data, so they are in every ledger."""
    return sum(row["bytes"] for row in figures["copies"]["hidden"] if row["code"] == "copy_on_write")


def path_bytes(figures, path):
    return sum(row["bytes"] for row in figures["copy_paths"] if row["path"] == path)


def check_figures(figures):
    copies = figures["copies"]
    assert copies is not None, "there is no ledger"
    assert {*BYTES, "mapped_bytes", "amplification", "evidence", "hidden", "hints", "copy_cpu_share"} <= copies.keys()
    for key in BYTES:
        assert isinstance(copies[key], int) and copies[key] >= 0, (key, copies[key])

    through = max(copies[key] for key in PAYLOAD)
    if through:
        assert copies["amplification"] == pytest.approx(copied(copies) / through, rel=1e-3, abs=1e-4)
    else:
        assert copies["amplification"] is None

    evidence = copies["evidence"]
    assert evidence.keys() == {"observed_bytes", "derived_bytes", "unknown_bytes"}
    assert sum(evidence.values()) == copied(copies) + copies["avoided_bytes"] + copies["unresolved_bytes"]

    for row in [*copies["hidden"], *copies["hints"]]:
        assert {"operation", "code", "operations", "bytes", "reason", "advice"} <= row.keys()
        assert row["operations"] > 0 and row["bytes"] > 0 and row["reason"] and row["advice"], row
    assert {row["code"] for row in copies["hidden"]} <= CODES
    assert sum(row["bytes"] for row in copies["hidden"]) == path_bytes(figures, "kernel-copied")

    for row in figures["copy_paths"]:
        assert row["path"] in {"copied", "zero-copy", "direct", "mapped", "kernel-copied"}
        # A mapping is used without any operation.
        assert row["operations"] is None if row["path"] == "mapped" else row["operations"] > 0
    if figures["copy_paths"]:
        assert sum(row["byte_share"] for row in figures["copy_paths"]) == pytest.approx(1, abs=0.01)

    share = copies["copy_cpu_share"]
    assert share is None or 0 <= share["low"] <= share["value"] <= share["high"] <= 1 and share["samples"] > 0


PER_FILE = ["user_to_kernel_bytes", "kernel_to_user_bytes", "kernel_to_kernel_bytes", "avoided_bytes", *PAYLOAD]


def sums_that_differ(process, rows, without=None):
    """{key: (the rows' sum, the process's)}. A page that a write copied may be in a row or not."""
    wrong = {}
    for key in PER_FILE:
        loose = written_on(process) if key == "kernel_to_kernel_bytes" else 0
        whole = process["copies"][key] - (without or {}).get(key, 0)
        got = sum(row[key] for row in rows)
        if not whole - loose <= got <= whole:
            wrong[key] = got, whole
    return wrong


def check_process(process):
    calls = process["syscalls"]["by_name"]
    no_file = {key: calls.get(call, {}).get("bytes", 0) for key, call in BETWEEN_PROCESSES.items()}
    assert not sums_that_differ(process, [file["copies"] for file in process["files"]], no_file), "sums of the files"
    for pair in process["copy_pairs"]:
        assert pair["operations"] > 0
        assert pair["avoided_bytes"] + pair["kernel_to_kernel_bytes"] <= pair["bytes"], pair


def check_ledger(document):
    """The rules that tie the figures of a document together."""
    for figures in [*document["processes"], document["totals"]]:
        check_figures(figures)
    for process in document["processes"]:
        check_process(process)
    for key in BYTES:
        assert sum(process["copies"][key] for process in document["processes"]) == document["totals"]["copies"][key], key
    assert not any(document["losses"].values()), document["losses"]
    return document


def hidden(figures):
    """{(operation, code): (operations, bytes)} of the copies that somebody asked to avoid."""
    return {(row["operation"], row["code"]): (row["operations"], row["bytes"])
            for row in figures["copies"]["hidden"] if row["code"] != "copy_on_write"}


def hints(figures):
    return {(row["operation"], row["code"]): (row["operations"], row["bytes"]) for row in figures["copies"]["hints"]}
