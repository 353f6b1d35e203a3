"""PIDF-LO as res_geolocation hands it over: every shape, every way to be wrong, never an error."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from routing.geo import Fix, FixFault, Point, RejectedFix, Source
from routing.sources.pidf import _metres, _moved, parse


def gml(location: str) -> Fix | RejectedFix | None:
    return parse("GML", location, "GPS", "yes")


def fix(location: str) -> Fix:
    found = gml(location)
    assert isinstance(found, Fix)
    return found


def fault(location: str, format_: str = "GML") -> FixFault:
    found = parse(format_, location)
    assert isinstance(found, RejectedFix)
    assert found.source is Source.PIDF_LO
    return found.fault


def test_a_circle_is_a_point_and_its_radius() -> None:
    circle = 'shape="Circle",crs="2d",pos="-6.914744 107.609810",radius="35"'
    assert gml(circle) == Fix(Point(-6.914744, 107.60981), 35.0, Source.PIDF_LO)


def test_a_point_has_no_stated_uncertainty() -> None:
    assert fix('shape="Point",crs="2d",pos="3.58 98.67"').uncertainty_m == 0


def test_a_point_with_an_altitude_is_read() -> None:
    assert fix('shape="Point",crs="3d",pos="3.58 98.67 25"').point == Point(3.58, 98.67)


def test_an_ellipse_is_as_uncertain_as_its_longer_half_axis() -> None:
    ellipse = (
        'shape="Ellipse",crs="2d",pos="3.58 98.67",semiMajorAxis="70",semiMinorAxis="30",'
        'orientation="45"'
    )
    assert fix(ellipse) == Fix(Point(3.58, 98.67), 70.0, Source.PIDF_LO)


@pytest.mark.parametrize(
    "corners",
    [
        'pos="3.50 98.60",pos="3.52 98.60",pos="3.52 98.62",pos="3.50 98.62",pos="3.50 98.60"',
        'posList="3.50 98.60 3.52 98.60 3.52 98.62 3.50 98.62 3.50 98.60"',
    ],
)
def test_a_polygon_is_its_middle_and_its_farthest_corner(corners: str) -> None:
    found = fix(f'shape="Polygon",crs="2d",{corners}')
    assert (found.point.lat, found.point.lon) == pytest.approx((3.51, 98.61))
    assert found.uncertainty_m == pytest.approx(1571, abs=5)


def test_an_arc_band_is_the_middle_of_its_sector() -> None:
    north = fix(
        'shape="ArcBand",crs="2d",pos="3.50 98.60",innerRadius="1000",outerRadius="2000",'
        'startAngle="330",openingAngle="60"'
    )
    assert north.point.lat == pytest.approx(3.5 + 1.43 / 111.2, abs=0.002)
    assert north.point.lon == pytest.approx(98.6, abs=0.0005)
    assert 1000 < north.uncertainty_m < 1300


def test_a_whole_ring_is_centred_on_its_mast() -> None:
    ring = fix(
        'shape="ArcBand",crs="2d",pos="3.5 98.6",innerRadius="0",outerRadius="550",'
        'startAngle="0",openingAngle="360"'
    )
    assert ring == Fix(Point(3.5, 98.6), 550.0, Source.PIDF_LO)


@pytest.mark.parametrize("format_", ["", "<none>", "GML"])
def test_a_call_without_a_location_has_none(format_: str) -> None:
    assert parse(format_, "") is None


@pytest.mark.parametrize(
    ("location", "expected"),
    [
        ('shape="Point",crs="2d",pos="0 0"', FixFault.ZERO),
        ('shape="Point",crs="2d",pos="+00.00000 +000.00000"', FixFault.ZERO),
        ('shape="Point",crs="2d",pos="1.3521 103.8198"', FixFault.OUTSIDE_INDONESIA),
        ('shape="Point",crs="2d",pos="48.85 2.35"', FixFault.OUTSIDE_INDONESIA),
        ('shape="Point",crs="2d",pos="98.67 3.58"', FixFault.SWAPPED),
        ('shape="Point",crs="2d",pos="3.58 298.67"', FixFault.MALFORMED),
        ('shape="Point",crs="2d",pos="nan nan"', FixFault.MALFORMED),
        ('shape="Point",crs="2d",pos="inf 98"', FixFault.MALFORMED),
        ('shape="Point",crs="2d",pos="1_0 98"', FixFault.MALFORMED),
        ('shape="Point",crs="2d",pos="٣ 98"', FixFault.MALFORMED),
        ('shape="Point",crs="2d",pos="3,58 98,67"', FixFault.MALFORMED),
        ('shape="Point",crs="2d",pos="3.58"', FixFault.MALFORMED),
        ('shape="Point",crs="2d"', FixFault.MALFORMED),
        ('shape="Circle",crs="2d",pos="3.58 98.67"', FixFault.MALFORMED),
        ('shape="Circle",crs="2d",pos="3.58 98.67",radius="-5"', FixFault.MALFORMED),
        ('shape="Polygon",crs="2d",pos="3.5 98.6",pos="3.6 98.6"', FixFault.MALFORMED),
        ('shape="Star",crs="2d",pos="3.58 98.67"', FixFault.MALFORMED),
        ('shape="Point",crs="2d",pos="3.58 98.67', FixFault.MALFORMED),
        ("'; DROP TABLE calls; --", FixFault.MALFORMED),
    ],
)
def test_what_cannot_be_routed_on_says_why(location: str, expected: FixFault) -> None:
    assert fault(location) is expected


def test_a_swapped_fix_carries_the_point_turned_round() -> None:
    found = gml('shape="Circle",crs="2d",pos="98.67 3.58",radius="20"')
    assert isinstance(found, RejectedFix)
    assert found.fix == Fix(Point(3.58, 98.67), 20.0, Source.PIDF_LO)


def test_a_reference_that_would_have_to_be_fetched_is_not_fetched() -> None:
    assert fault('URI="https://example.org/location"', "URI") is FixFault.MALFORMED


def test_a_civic_address_is_looked_up() -> None:
    def lookup(civic: object) -> tuple[Point, float] | None:
        assert civic == {"country": "ID", "A1": "Sumatera Utara", "A2": "Kota Medan"}
        return Point(3.58, 98.67), 9_000.0

    address = 'country="ID",A1="Sumatera Utara",A2="Kota Medan"'
    assert parse("civicAddress", address, civic=lookup) == Fix(
        Point(3.58, 98.67), 9_000.0, Source.PIDF_LO
    )
    assert fault(address, "civicAddress") is FixFault.MALFORMED


def test_what_is_kept_for_the_record_is_short_and_printable() -> None:
    found = gml("\0\x1b[31m" + "x" * 5_000)
    assert isinstance(found, RejectedFix)
    assert len(found.raw) <= 300
    assert found.raw.isprintable()


words = st.sampled_from(
    ["shape", "crs", "pos", "posList", "radius", "Circle", "Polygon", "ArcBand", "2d", "3d"]
) | st.text(max_size=8)
numbers = st.floats(allow_nan=True).map(str) | st.text(max_size=6)
values = st.lists(numbers | words, max_size=6).map(" ".join)
locations = st.lists(st.builds('{}="{}"'.format, words, values), max_size=8).map(",".join)


@given(st.sampled_from(["GML", "civicAddress", "URI", "gml"]) | st.text(max_size=5), locations)
@settings(deadline=None)
def test_no_location_whatever_raises(format_: str, location: str) -> None:
    found = parse(format_, location)
    if isinstance(found, Fix):
        assert -12 < found.point.lat < 8
        assert 93 < found.point.lon < 142
        assert found.uncertainty_m >= 0


@given(st.text())
@settings(deadline=None)
def test_no_text_whatever_raises(text: str) -> None:
    assert not isinstance(parse("GML", text), Fix)


def measures(least: float, most: float) -> st.SearchStrategy[float]:
    return st.floats(least, most).map(lambda value: round(value, 6))


@given(
    measures(-8, -7),
    measures(108, 112),
    measures(1, 50_000),
    measures(1, 50_000),
    measures(-720, 720),
    measures(0, 360),
)
@settings(deadline=None)
def test_an_arc_bands_circle_holds_its_corners(
    lat: float, lon: float, inner: float, width: float, start: float, opening: float
) -> None:
    found = fix(
        f'shape="ArcBand",crs="2d",pos="{lat:.6f} {lon:.6f}",innerRadius="{inner:.6f}",'
        f'outerRadius="{inner + width:.6f}",startAngle="{start:.6f}",openingAngle="{opening:.6f}"'
    )
    mast = Point(lat, lon)
    for radius in (inner, inner + width):
        for bearing in (start, start + opening / 2, start + opening):
            corner = _moved(mast, radius, bearing)
            assert _metres(found.point, corner) <= found.uncertainty_m * 1.02 + 1
