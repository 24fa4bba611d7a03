"""Zero-copy sends: what they were, by the program's own look at their completions, and by what they were sent through."""

import os
import subprocess
import sys

import pytest

from conftest import eventually, need_tool
from copy_scenarios import copies_program, scenario  # noqa: F401 (fixtures)


@pytest.mark.parametrize("name", ["zerocopy_confirmed", "zerocopy_sendmsg", "zerocopy_sendmmsg", "zerocopy_udp",
                                  "zerocopy_small", "zerocopy_partial", "zerocopy_many"])
def test_a_completion_that_says_copied_is_believed(scenario, name):
    outcome = scenario(name).agrees()
    assert outcome.evidence["observed_bytes"] >= outcome.expected["confirmed_bytes"] > 0


@pytest.mark.parametrize("name", ["zerocopy_unread", "zerocopy_udp_unread"])
def test_the_loopback_device_copies_though_nobody_reads_the_completions(scenario, name):
    outcome = scenario(name).agrees()
    assert outcome.evidence["derived_bytes"] >= outcome.expected["copies"]["kernel_to_kernel_bytes"]


def test_completions_are_matched_with_their_sends(scenario):
    outcome = scenario("zerocopy_partly_read").agrees()
    unread = outcome.expected["copies"]["kernel_to_kernel_bytes"] - outcome.expected["confirmed_bytes"]
    assert outcome.evidence["observed_bytes"] >= outcome.expected["confirmed_bytes"] and \
        outcome.evidence["derived_bytes"] >= unread


@pytest.mark.parametrize("name", ["zerocopy_not_enabled", "zerocopy_unix"])
def test_a_zerocopy_flag_that_the_socket_ignores_is_a_hidden_copy(scenario, name):
    scenario(name).agrees()


# Takes and throws away what is sent to it, and says that it listens.
FAR_END = """
import socket
datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
datagrams.bind(("10.9.9.2", 9))
listener = socket.create_server(("10.9.9.2", 9))
print("listens", flush=True)
peer, _ = listener.accept()
while peer.recv(1 << 20):
    pass
"""

# ioctl SIOCETHTOOL, ETHTOOL_SSG
NO_SCATTER_GATHER = """
import ctypes, fcntl, socket, struct
value = ctypes.create_string_buffer(struct.pack("II", 0x19, 0))
request = struct.pack("16sP16x", b"near", ctypes.addressof(value))
fcntl.ioctl(socket.socket(socket.AF_INET, socket.SOCK_DGRAM), 0x8946, request)
"""


class Link:
    """A veth pair between two network namespaces of the test's own."""

    def __init__(self, children):
        self.near, self.far = (children.start([need_tool("unshare", "util-linux"), "--net", "sleep", "60"]) for _ in range(2))
        own = os.readlink("/proc/self/ns/net")
        for holder in (self.near, self.far):
            assert eventually(lambda: os.readlink(f"/proc/{holder.pid}/ns/net") != own)
        made = subprocess.run(
            self.inside(self.near, need_tool("ip", "iproute2"), "link", "add", "near", "mtu", "65535", "type", "veth", "peer",
                        "name", "far", "mtu", "65535", "netns", str(self.far.pid)), capture_output=True, text=True, timeout=10)
        if made.returncode:
            pytest.skip(f"no veth pair here: {made.stderr.strip()}")
        self.run(self.near, "ip", "link", "set", "lo", "up")
        for holder, name, number in ((self.near, "near", 1), (self.far, "far", 2)):
            self.run(holder, "ip", "addr", "add", f"10.9.9.{number}/24", "dev", name)
            self.run(holder, "ip", "link", "set", name, "up")
        receiver = children.start(self.inside(self.far, sys.executable, "-c", FAR_END), stdout=subprocess.PIPE)
        assert receiver.stdout.readline() == b"listens\n"
        self.arguments = [f"/proc/{self.near.pid}/ns/net", "10.9.9.2"]

    @staticmethod
    def inside(holder, *words):
        return [need_tool("nsenter", "util-linux"), "-t", str(holder.pid), "-n", *words]

    def run(self, holder, *words):
        subprocess.run(self.inside(holder, *words), check=True, timeout=10)

    def drop_packets(self):
        """A queue without room: no packet leaves it, so nothing ever copies one."""
        self.run(self.near, need_tool("tc", "iproute2"), "qdisc", "add", "dev", "near", "root", "pfifo", "limit", "0")

    def refuse_scatter_gather(self):
        self.run(self.near, sys.executable, "-c", NO_SCATTER_GATHER)


@pytest.fixture
def link(children):
    return Link(children)


@pytest.mark.parametrize("name", ["zerocopy_udp", "zerocopy_far_tcp"])
def test_a_device_that_copies_says_so_in_the_completions(scenario, link, name):
    outcome = scenario(name, link=link).agrees()
    assert outcome.expected["copies"]["kernel_to_kernel_bytes"] == outcome.expected["confirmed_bytes"] > 0
    assert outcome.evidence["observed_bytes"] >= outcome.expected["confirmed_bytes"]


def test_a_completion_that_does_not_say_copied_is_believed(scenario, link):
    link.drop_packets()
    outcome = scenario("zerocopy_udp", link=link).agrees()
    assert outcome.expected["copies"]["avoided_bytes"] == outcome.expected["confirmed_bytes"] > 0
    assert outcome.evidence["observed_bytes"] >= outcome.expected["confirmed_bytes"]


def test_completions_are_matched_with_the_sends_of_their_socket(scenario, link):
    link.drop_packets()
    outcome = scenario("zerocopy_two_sockets", link=link).agrees()
    assert min(outcome.expected["copies"][key] for key in ("avoided_bytes", "kernel_to_kernel_bytes")) > 0


def test_a_virtual_device_proves_nothing_where_nobody_reads_the_completions(scenario, link):
    # This one copied, as its completions would have said.
    outcome = scenario("zerocopy_udp_unread", link=link)
    assert outcome.copies["avoided_bytes"] == 0
    assert outcome.copies["kernel_to_kernel_bytes"] + outcome.copies["unresolved_bytes"] == \
        outcome.expected["copies"]["kernel_to_kernel_bytes"]


# Without scatter/gather in the device the kernel makes each packet one piece before it is sent: the tracepoint
# net_dev_start_xmit shows a data_len of 0 in every packet, and with the feature nearly all of the bytes in fragments.

@pytest.mark.parametrize("name", ["zerocopy_far_tcp", "zerocopy_udp"])
def test_a_device_without_scatter_gather_is_named_as_the_reason(scenario, link, name):
    link.refuse_scatter_gather()
    scenario(name, link=link, reason="zerocopy_no_scatter_gather").agrees()


def test_a_device_without_scatter_gather_copies_though_nobody_reads_the_completions(scenario, link):
    link.refuse_scatter_gather()
    outcome = scenario("zerocopy_far_tcp_unread", link=link, reason="zerocopy_no_scatter_gather")
    assert outcome.copies["avoided_bytes"] == 0
    assert outcome.copies["kernel_to_kernel_bytes"] + outcome.copies["unresolved_bytes"] == \
        outcome.expected["copies"]["kernel_to_kernel_bytes"]


def test_sendfile_to_a_device_with_scatter_gather_copies_nothing(scenario, link):
    scenario("sendfile_far", link=link).agrees()


def test_sendfile_to_a_device_without_scatter_gather_is_a_hidden_copy(scenario, link):
    link.refuse_scatter_gather()
    scenario("sendfile_far", link=link, reason="zerocopy_no_scatter_gather").agrees()


def test_a_zerocopy_send_that_reports_its_use_is_believed(scenario):
    outcome = scenario("uring_send_zc_reported").agrees()
    assert outcome.evidence["observed_bytes"] >= outcome.expected["confirmed_bytes"] > 0


def test_a_zerocopy_send_that_reports_nothing_is_judged_by_its_device(scenario):
    scenario("uring_send_zc_unreported").agrees()
