"""Which addresses may be connected to: those of the public Internet, unless the user allows others.

A list of addresses often comes from strangers, and must not make this machine read its own services, those of
its network, or what clouds serve on link-local addresses. The address that the connection goes to is checked:
after name resolution, for each redirect, before the first packet.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any

from imgpar.core.error_messages import setting
from imgpar.core.errors import RefusedError

Resolve = Callable[..., list[Any]]
"""`socket.getaddrinfo`, or what stands for it in a test."""

_NOT_PUBLIC = tuple(map(ip_network, ("100.64.0.0/10", "192.88.99.0/24", "fec0::/10")))
"""Behind the NAT of a provider, relays of 6to4, site-local."""
_NAT64, _LOCAL_NAT64 = ip_network("64:ff9b::/96"), ip_network("64:ff9b:1::/48")
_COMPATIBLE = ip_network("::/96")


def why_refused(host: str) -> str:
    """What a numeric address is, in one word, if it may not be connected to; empty for public ones.

    >>> why_refused("127.0.0.1"), why_refused("::ffff:10.1.2.3"), why_refused("64:ff9b::a9fe:a9fe")
    ('loopback', 'private', 'link-local')
    >>> why_refused("93.184.215.14")
    ''
    """
    address = ip_address(host.partition("%")[0])
    inner = _inside(address)
    if inner is not None:  # relays of 6to4 and the like are no way to a server
        direct = address in _NAT64 or getattr(address, "ipv4_mapped", None) is not None
        return why_refused(str(inner)) or ("" if direct else "private")
    for word in ("unspecified", "loopback", "link_local", "multicast"):
        if getattr(address, f"is_{word}"):
            return word.replace("_", "-")
    special = any(address in net for net in _NOT_PUBLIC) or address.is_reserved
    return "private" if special or not address.is_global else ""


def _inside(address: IPv4Address | IPv6Address) -> IPv4Address | None:
    """The IPv4 address at which packets to an IPv6 address end, if it names one."""
    if isinstance(address, IPv4Address) or int(address) <= 1:
        return None
    if address in _COMPATIBLE or address in _NAT64 or address in _LOCAL_NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    if address.teredo is not None:
        return address.teredo[1]
    return address.ipv4_mapped or address.sixtofour


def allowed_addresses(host: str, port: int, resolve: Resolve, *, allow_private: bool) -> list[Any]:
    """The addresses of a host that may be connected to, as `getaddrinfo` returns them.

    Raises:
        OSError: the name cannot be resolved.
        RefusedError: all are refused.
    """
    found = resolve(host.strip("[]"), port, type=socket.SOCK_STREAM)
    allowed = [one for one in found if allow_private or not why_refused(one[4][0])]
    if found and not allowed:
        raise _refused(host, why_refused(found[0][4][0]))
    return allowed


def check_literal(host: str, *, allow_private: bool) -> None:
    """Check a host that is asked for through a proxy, if it is a numeric address.

    Raises:
        RefusedError: it is refused.
    """
    with contextlib.suppress(ValueError):
        if not allow_private and (why := why_refused(_literal(host))):
            raise _refused(host, why)


def _literal(host: str) -> str:
    """A numeric address as it is usually written; systems also know 2130706433, 0x7f.1 and 127.1."""
    with contextlib.suppress(OSError):
        return socket.inet_ntoa(socket.inet_aton(host.rstrip(".")))
    return host.strip("[]")


def is_loopback(host: str) -> bool:
    """Whether a host is this machine, to which no proxy leads.

    >>> is_loopback("localhost"), is_loopback("[::1]"), is_loopback("example.com")
    (True, True, False)
    """
    with contextlib.suppress(ValueError):
        return ip_address(host.strip("[]")).is_loopback
    return host.lower().rstrip(".") == "localhost"


def _refused(host: str, why: str) -> RefusedError:
    article = "an" if why[0] in "aeiou" else "a"
    return RefusedError(
        f"{host} has {article} {why} address.",
        fix=f"If you trust the list, allow such addresses with {setting('allow_private', True)}.",
    )
