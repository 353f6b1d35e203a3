"""What a cause that Asterisk gives means for a desk's leg."""

from ari_app.call.state import LegEnd

# SIP status of the final answer (RFC 3261 section 21)
_SIP = {
    403: LegEnd.DECLINED,
    404: LegEnd.UNREACHABLE,
    408: LegEnd.UNREACHABLE,
    410: LegEnd.UNREACHABLE,
    480: LegEnd.UNREACHABLE,
    486: LegEnd.BUSY,
    500: LegEnd.UNREACHABLE,
    502: LegEnd.UNREACHABLE,
    503: LegEnd.UNREACHABLE,
    504: LegEnd.UNREACHABLE,
    600: LegEnd.BUSY,
    603: LegEnd.DECLINED,
    604: LegEnd.UNREACHABLE,
}

# Q.850 causes
_Q850 = {
    1: LegEnd.UNREACHABLE,  # unallocated number
    3: LegEnd.UNREACHABLE,  # no route to destination
    16: LegEnd.HUNG_UP,
    17: LegEnd.BUSY,
    18: LegEnd.NO_ANSWER,  # no user responding
    19: LegEnd.NO_ANSWER,  # no answer from the user
    20: LegEnd.UNREACHABLE,  # subscriber absent
    21: LegEnd.DECLINED,
    22: LegEnd.UNREACHABLE,  # number changed
    27: LegEnd.UNREACHABLE,  # destination out of order
    34: LegEnd.UNREACHABLE,  # no circuit available
    38: LegEnd.UNREACHABLE,  # network out of order
    41: LegEnd.UNREACHABLE,  # temporary failure
    42: LegEnd.UNREACHABLE,  # switching equipment congestion
}


def leg_end(cause: int, sip_status: int | None = None) -> LegEnd:
    """Why a desk's leg ended by itself; the SIP status says it more exactly than Q.850."""
    if sip_status is not None and sip_status in _SIP:
        return _SIP[sip_status]
    return _Q850.get(cause, LegEnd.FAILED)
