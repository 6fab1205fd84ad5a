"""Which addresses may be connected to: those of the public Internet, unless the user allows others.

A list of addresses comes from strangers more often than not, and must not make this machine read its own
services, those of its network, or the credentials that clouds serve on link-local addresses. The address is
checked that the connection goes to: after name resolution, for each redirect, before the first packet.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any

from imgpar.core.errors import RefusedError

Resolve = Callable[..., list[Any]]
"""`socket.getaddrinfo`, or what stands for it in a test."""

_NOT_PUBLIC = tuple(
    map(
        ip_network,
        (
            "100.64.0.0/10",  # behind the NAT of a provider
            "192.88.99.0/24",  # relays of 6to4
            "fec0::/10",  # site-local
        ),
    )
)
_NAT64 = tuple(map(ip_network, ("64:ff9b::/96", "64:ff9b:1::/48")))
_COMPATIBLE = ip_network("::/96")


def why_refused(host: str) -> str:
    """What speaks against a numeric address, in one word; empty for public ones.

    >>> why_refused("127.0.0.1"), why_refused("::ffff:10.1.2.3"), why_refused("64:ff9b::a00:1")
    ('loopback', 'private', 'private')
    >>> why_refused("93.184.215.14")
    ''
    """
    address = ip_address(host.partition("%")[0])
    if inner := _inside(address):
        return why_refused(str(inner)) or ("" if address in _NAT64[0] else "private")
    for word in ("unspecified", "loopback", "link_local", "multicast"):
        if getattr(address, f"is_{word}"):
            return word.replace("_", "-")
    if any(address in net for net in _NOT_PUBLIC if net.version == address.version):
        return "private"
    return "" if address.is_global and not address.is_reserved else "private"


def _inside(address: IPv4Address | IPv6Address) -> IPv4Address | None:
    """The IPv4 address that packets to an IPv6 address end at, if it has one."""
    if isinstance(address, IPv4Address) or int(address) <= 1:
        return None
    if address.teredo:
        return address.teredo[1]
    if address in _COMPATIBLE or address in _NAT64[0]:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    if address in _NAT64[1]:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour


def addresses(host: str, port: int, resolve: Resolve, *, allow_private: bool) -> list[Any]:
    """What a host may be connected at, as `getaddrinfo` returns it.

    Raises:
        OSError: the name cannot be resolved.
        RefusedError: all of its addresses are refused.
    """
    found = resolve(host.strip("[]"), port, socket.AF_UNSPEC, socket.SOCK_STREAM)
    allowed = [one for one in found if allow_private or not why_refused(one[4][0])]
    if found and not allowed:
        why = why_refused(found[0][4][0])
        raise RefusedError(
            f"The address of {host} is {'an' if why[0] in 'aeiou' else 'a'} {why} one.",
            fix="Allow it with --allow-private (allow_private=True) if you trust the list.",
        )
    return allowed
