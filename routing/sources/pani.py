"""P-Access-Network-Info (RFC 7315 section 5.4, values of 3GPP TS 24.229 section 7.2A.4): the cell.

    3GPP-E-UTRAN-FDD; utran-cell-id-3gpp=510101A2B254AF11

says MCC 510, MNC 10, TAC 1A2B, cell 254AF11. The header names a cell, not a place; cells.py knows
where cells are.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum


class Radio(StrEnum):
    """Radio access technologies, by their OpenCelliD names."""

    GSM = "GSM"
    UMTS = "UMTS"
    LTE = "LTE"
    NR = "NR"


@dataclass(frozen=True, slots=True)
class Cell:
    """A radio cell: mcc and mnc as numbers, area is LAC or TAC, cell is CI, UTRAN id, ECI or NCI.

    network_provided: the network wrote the header, not the phone.
    """

    radio: Radio
    mcc: int
    mnc: int
    area: int
    cell: int
    network_provided: bool = False

    def __str__(self) -> str:
        """As cell tables name it: LTE 510-10-6699-39104273."""
        return f"{self.radio} {self.mcc}-{self.mnc:02}-{self.area}-{self.cell}"


@dataclass(frozen=True, slots=True)
class _Form:
    radio: Radio
    area_digits: int
    cell_digits: int


_FORMS = (
    ("3gpp-nr", _Form(Radio.NR, 6, 9)),
    ("3gpp-e-utran", _Form(Radio.LTE, 4, 7)),
    ("3gpp-utran", _Form(Radio.UMTS, 4, 7)),
    ("3gpp-geran", _Form(Radio.GSM, 4, 4)),
)
_PARAMETERS = ("utran-cell-id-3gpp", "cgi-3gpp")
_LONGEST = 2_000
_IDENTITY_PARAMETER = re.compile(
    r';\s*(utran-cell-id-3gpp|cgi-3gpp)\s*=\s*"?([0-9a-f]{13,21})(?![0-9a-z])',
    re.ASCII | re.IGNORECASE,
)
_PLMN = re.compile(r"(\d{3})(\d{2,3})", re.ASCII)
_HEX = re.compile(r"[0-9a-f]+", re.ASCII | re.IGNORECASE)


def parse(header: str) -> Cell | None:
    """The serving cell, or None where the header names none; never raises.

    Of several (comma-separated) entries the network's own is taken, else the first that names a
    cell.
    """
    cells = list(_cells(header[:_LONGEST]))
    return next((cell for cell in cells if cell.network_provided), cells[0] if cells else None)


def parse_identity(header: str) -> tuple[Cell, ...]:
    """The cells that parameters of a P-Asserted-Identity header may mean, likeliest first.

    Some cores write the cell beside the identity, as a parameter of the URI or of the header:

        <sip:+6281234567890@ims.example;utran-cell-id-3gpp=510101A2B254AF11>

    The radio is not said. Its identity's length tells NR (15 hex digits after the network) and GSM
    (8); of the same length (11) are LTE and UMTS, so both are given. Never raises.
    """
    found: dict[Cell, None] = {}
    for name, value in _IDENTITY_PARAMETER.findall(header[:_LONGEST]):
        for _, form in _FORMS:
            if (form.radio is Radio.GSM) == (name.lower() == "cgi-3gpp"):
                cell = _cell(form, value, network_provided=True)
                if cell is not None:
                    found[cell] = None
    order = (Radio.NR, Radio.LTE, Radio.UMTS, Radio.GSM)
    return tuple(sorted(found, key=lambda cell: order.index(cell.radio)))


def _cells(header: str) -> Iterator[Cell]:
    for entry in _split(header, ","):
        access_type, *parameters = (part.strip() for part in _split(entry, ";"))
        form = next((f for name, f in _FORMS if access_type.lower().startswith(name)), None)
        if form is None:
            continue
        values = dict(_pair(parameter) for parameter in parameters)
        identity = next((values[name] for name in _PARAMETERS if name in values), "")
        cell = _cell(form, identity, network_provided="network-provided" in values)
        if cell is not None:
            yield cell


def _split(text: str, separator: str) -> list[str]:
    """Split outside of quoted strings."""
    return re.findall(rf'(?:"(?:[^"\\]|\\.)*"|[^{separator}"]|")+', text) or [""]


def _pair(parameter: str) -> tuple[str, str]:
    name, _, value = parameter.partition("=")
    return name.strip().lower(), value.strip().strip('"').strip()


def _cell(form: _Form, identity: str, *, network_provided: bool) -> Cell | None:
    digits = form.area_digits + form.cell_digits
    plmn = _PLMN.fullmatch(identity[:-digits])
    area, cell = identity[-digits : -form.cell_digits], identity[-form.cell_digits :]
    if plmn is None or not _HEX.fullmatch(area) or not _HEX.fullmatch(cell):
        return None
    return Cell(
        form.radio, int(plmn[1]), int(plmn[2]), int(area, 16), int(cell, 16), network_provided
    )
