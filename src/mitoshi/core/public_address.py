"""Which network addresses are of the public internet, by the special-purpose registries of the IANA (RFC 6890 and later).

The tables are written out, because what the standard library calls global changed between versions of Python, and some ranges
(192.0.0.0/24, the former site-local addresses) were never refused as a whole.
"""

from __future__ import annotations

import ipaddress

__all__ = ["SPECIAL_IPV4", "SPECIAL_IPV6", "is_public"]

SPECIAL_IPV4 = (
    "0.0.0.0/8",  # this network (RFC 791)
    "10.0.0.0/8",  # private use (RFC 1918)
    "100.64.0.0/10",  # shared by carriers (RFC 6598)
    "127.0.0.0/8",  # loopback (RFC 1122)
    "169.254.0.0/16",  # link-local, a cloud's metadata among them (RFC 3927)
    "172.16.0.0/12",  # private use (RFC 1918)
    "192.0.0.0/24",  # protocol assignments, some cloud's metadata (192.0.0.192) among them (RFC 6890)
    "192.0.2.0/24",  # documentation (RFC 5737)
    "192.31.196.0/24",  # AS112 (RFC 7535)
    "192.52.193.0/24",  # multicast tunnelling (RFC 7450)
    "192.88.99.0/24",  # former 6to4 relays (RFC 7526)
    "192.168.0.0/16",  # private use (RFC 1918)
    "192.175.48.0/24",  # AS112 delegation (RFC 7534)
    "198.18.0.0/15",  # benchmarks (RFC 2544)
    "198.51.100.0/24",  # documentation (RFC 5737)
    "203.0.113.0/24",  # documentation (RFC 5737)
    "224.0.0.0/4",  # multicast (RFC 5771)
    "240.0.0.0/4",  # reserved, 255.255.255.255 among them (RFC 1112, RFC 8190)
)
SPECIAL_IPV6 = (
    "::/8",  # unspecified, loopback, IPv4-compatible, IPv4-mapped and translated, whatever is embedded (RFC 4291, RFC 8190)
    "64:ff9b:1::/48",  # translation within a network (RFC 8215)
    "100::/64",  # discard only (RFC 6666)
    "100:0:0:1::/64",  # dummy prefix (RFC 9780)
    "2001::/23",  # protocol assignments, Teredo among them (RFC 2928, RFC 4380)
    "2001:db8::/32",  # documentation (RFC 3849)
    "2002::/16",  # 6to4, which leads to the IPv4 address in it (RFC 3056)
    "2620:4f:8000::/48",  # AS112 delegation (RFC 7534)
    "3fff::/20",  # documentation (RFC 9637)
    "5f00::/16",  # segment routing (RFC 9602)
    "fc00::/7",  # unique local (RFC 4193)
    "fe80::/10",  # link-local (RFC 4291)
    "fec0::/10",  # former site-local (RFC 3879)
    "ff00::/8",  # multicast (RFC 4291)
)
_SPECIAL = {4: [ipaddress.ip_network(n) for n in SPECIAL_IPV4], 6: [ipaddress.ip_network(n) for n in SPECIAL_IPV6]}
_UNICAST = ipaddress.ip_network("2000::/3")  # all that was ever given out
_TRANSLATED = ipaddress.ip_network("64:ff9b::/96")  # how a network without IPv4 reaches the IPv4 internet (RFC 6052)


def is_public(address: str) -> bool:
    """Return whether an address is of the public internet; one that translates an IPv4 address (NAT64) is what that is.

    Raises
    ------
    ValueError
        If it is no address.

    >>> [is_public(a) for a in ("8.8.8.8", "192.0.0.192", "::1", "64:ff9b::8.8.8.8", "::ffff:10.0.0.1")]
    [True, False, False, True, False]
    """
    number = ipaddress.ip_address(address.partition("%")[0])
    if number.version == 6 and number in _TRANSLATED:
        number = ipaddress.IPv4Address(int(number) & 0xFFFFFFFF)
    if number.version == 6 and number not in _UNICAST:
        return False
    return not any(number in network for network in _SPECIAL[number.version])
