"""The special-purpose addresses of the IANA registries are not the public internet, in any spelling."""

from __future__ import annotations

import ipaddress

import pytest

from mitoshi.core.errors import RefusedError
from mitoshi.core.public_address import SPECIAL_IPV4, SPECIAL_IPV6, is_public
from mitoshi.sensors.fetch import checked_address

# Written from the registries, not from the module: one address of each entry, and the first and last of the widest.
SPECIAL = [
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "10.255.255.255",
    "100.64.0.1",
    "100.127.255.255",
    "127.0.0.1",
    "127.255.255.254",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.0",
    "192.0.0.8",
    "192.0.0.9",
    "192.0.0.10",
    "192.0.0.170",
    "192.0.0.192",
    "192.0.0.255",
    "192.0.2.1",
    "192.31.196.1",
    "192.52.193.1",
    "192.88.99.1",
    "192.88.99.2",
    "192.168.0.1",
    "192.175.48.1",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::ffff:8.8.8.8",
    "::7f00:1",
    "::8.8.8.8",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:192.0.0.192",
    "::ffff:0:8.8.8.8",
    "64:ff9b::127.0.0.1",
    "64:ff9b::192.0.0.192",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::1",
    "64:ff9b:1::8.8.8.8",
    "100::1",
    "100:0:0:1::1",
    "2001::1",
    "2001:0:7f00:1::",
    "2001:1::1",
    "2001:2::1",
    "2001:3::1",
    "2001:4:112::1",
    "2001:10::1",
    "2001:20::1",
    "2001:30::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "2002:a00:1::",
    "2002:808:808::",
    "2620:4f:8000::1",
    "3fff::1",
    "3fff:fff:ffff::1",
    "4000::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
    "ff0e::1",
    "1::1",
    "200::1",
    "e000::1",
]
PUBLIC = [
    "1.1.1.1",
    "8.8.8.8",
    "9.255.255.255",
    "11.0.0.1",
    "100.63.255.255",
    "100.128.0.1",
    "128.0.0.1",
    "169.253.255.255",
    "172.15.255.255",
    "172.32.0.1",
    "191.255.255.255",
    "192.0.1.1",
    "192.0.3.1",
    "192.167.1.1",
    "192.169.0.1",
    "198.17.255.255",
    "198.20.0.1",
    "203.0.114.1",
    "223.255.255.255",
    "2001:200::1",
    "2001:4860:4860::8888",
    "2606:4700::1111",
    "2a00:1450::1",
    "3ffe::1",
    "2003::1",
    "64:ff9b::8.8.8.8",
]


@pytest.mark.parametrize("address", SPECIAL)
def test_a_special_address_is_refused_before_anything_is_sent(address):
    assert not is_public(address)
    with pytest.raises(RefusedError, match="private network"):
        checked_address("https://example.org/a.tif", resolve=lambda _host, _port: ["8.8.8.8", address])


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_is_taken(address):
    assert is_public(address)


def test_every_listed_range_is_refused_from_its_first_to_its_last_address():
    for text in (*SPECIAL_IPV4, *SPECIAL_IPV6):
        network = ipaddress.ip_network(text)
        assert not is_public(str(network[0])), text
        assert not is_public(str(network[-1])), text


def test_every_private_ipv4_address_is_refused_however_ipv6_embeds_it():
    for text in SPECIAL_IPV4:
        number = int(ipaddress.ip_network(text)[1])
        for prefix in (0, 0xFFFF << 32, 0xFFFF << 48, 0x64FF9B << 96, 0x2002 << 112 | number << 80, 0x20010000 << 96):
            embedded = prefix if prefix >> 112 == 0x2002 else prefix | number
            assert not is_public(str(ipaddress.IPv6Address(embedded))), (text, hex(prefix))
        inverted = 0x20010000 << 96 | (number ^ 0xFFFFFFFF)  # how Teredo writes the client's address
        assert not is_public(str(ipaddress.IPv6Address(inverted)))


@pytest.mark.parametrize("text", ["", "localhost", "1.2.3", "0x7f000001", "::g"])
def test_what_is_no_address_is_an_error(text):
    with pytest.raises(ValueError, match="address"):
        is_public(text)
