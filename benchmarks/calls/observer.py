"""Sees every INVITE on loopback with the kernel's own time stamp: a process of its own.

Neither SIPp nor Asterisk knows of it, so its cost (a copy of two packets a call) is the same for
whoever is measured, and no busy process' clock is trusted. Needs root, for the raw socket.

    python -m benchmarks.calls.observer TRUNK_PORT DESK_PORT

Prints a line for each INVITE: `<seconds> trunk|desk <caller's number>`.
"""

import re
import socket
import struct
import sys
from collections.abc import Iterable
from ctypes import addressof, create_string_buffer

ETH_P_IP = 0x0800
SO_TIMESTAMPNS = 35  # include/uapi/asm-generic/socket.h
SO_ATTACH_FILTER = 26
PACKET_TYPE = 0xFFFFF004  # SKF_AD_OFF + SKF_AD_PKTTYPE, linux/filter.h
PACKET_OUTGOING = 4
UDP_PAYLOAD = 42  # Ethernet 14, IPv4 20 (loopback sends no options), UDP 8
FROM = re.compile(rb"\r\nFrom:[^\r]*?<sip:([^@>]*)@")
LONGEST_PACKET = 65536

Instruction = tuple[int, int, int, int]


def invites_to(*ports: int) -> list[Instruction]:
    """A classic BPF program that passes incoming UDP packets to the ports that begin "INVI".

    Loopback shows each packet twice, going out and coming in; the one coming in is taken.
    """
    load_half, load_byte, load_word, equal, end = 0x28, 0x30, 0x20, 0x15, 0x06
    checks: list[tuple[int, int, tuple[int, ...], bool]] = [
        (load_half, 12, (ETH_P_IP,), True),
        (load_byte, 23, (socket.IPPROTO_UDP,), True),
        (load_byte, PACKET_TYPE, (PACKET_OUTGOING,), False),
        (load_half, 36, ports, True),
        (load_word, UDP_PAYLOAD, (int.from_bytes(b"INVI", "big"),), True),
    ]
    length = sum(1 + len(values) for _, _, values, _ in checks) + 2
    program: list[Instruction] = []
    for load, where, values, wanted in checks:
        program.append((load, 0, 0, where))
        after = len(program) + len(values)
        for value in values:
            here = len(program) + 1
            refuse = length - 1 - here
            to_next = after - here
            last = here == after
            if wanted:
                program.append((equal, to_next, refuse if last else 0, value))
            else:
                program.append((equal, refuse, to_next, value))
    return [*program, (end, 0, 0, LONGEST_PACKET), (end, 0, 0, 0)]


def listening(ports: Iterable[int]) -> socket.socket:
    """The raw socket; raises PermissionError without the right to have one."""
    raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_IP))
    program = invites_to(*ports)
    code = create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in program))
    attached = struct.pack("HL", len(program), addressof(code))
    raw.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, attached)
    raw.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    raw.bind(("lo", 0))
    return raw


def main() -> None:
    """Print what comes until killed."""
    trunk, desk = (int(argument) for argument in sys.argv[1:3])
    raw = listening((trunk, desk))
    names = {trunk: "trunk", desk: "desk"}
    print("listening", flush=True)
    while True:
        packet, extra, _, _ = raw.recvmsg(LONGEST_PACKET, 64)
        (port,) = struct.unpack_from("!H", packet, 36)
        caller = FROM.search(packet)
        if caller is None or port not in names:
            continue
        seconds, nanoseconds = struct.unpack("qq", extra[0][2][:16])
        number = caller.group(1).decode("ascii", "replace")
        print(f"{seconds}.{nanoseconds:09} {names[port]} {number}", flush=True)


if __name__ == "__main__":
    main()
