"""SIP4D-ZIP (JSA-S1016:2023), the package in which Japanese disaster authorities exchange maps: check one, write one.

verdict = sip4d.check(Path("received.zip"))               # accepted or not, and every reason
sip4d.write(Path("flood.zip"), layer, "flood", context)                   # the same package gives the same bytes
"""

from mitoshi.handover.sip4d.codes import information_code, information_codes
from mitoshi.handover.sip4d.reasons import Reason, Verdict
from mitoshi.handover.sip4d.validation import check
from mitoshi.handover.sip4d.writing import package, write

__all__ = ["Reason", "Verdict", "check", "information_code", "information_codes", "package", "write"]
