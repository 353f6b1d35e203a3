"""PIDF-LO as a caller's network sends it (RFC 4119, RFC 5491): a point or a circle in WGS 84."""

from datetime import UTC, datetime


def pidf(
    latitude: str | float,
    longitude: str | float,
    radius_m: float | None = None,
    at: datetime | None = None,
    method: str = "GPS",
) -> str:
    """The document. Coordinates given as text stand in it as they are, for what is malformed."""
    moment = (at or datetime.now(UTC)).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    position = f"<gml:pos>{latitude} {longitude}</gml:pos>"
    if radius_m is None:
        shape = f'<gml:Point srsName="urn:ogc:def:crs:EPSG::4326">{position}</gml:Point>'
    else:
        shape = (
            f'<gs:Circle srsName="urn:ogc:def:crs:EPSG::4326">{position}'
            f'<gs:radius uom="urn:ogc:def:uom:EPSG::9001">{radius_m:g}</gs:radius></gs:Circle>'
        )
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<presence xmlns="urn:ietf:params:xml:ns:pidf"
    xmlns:dm="urn:ietf:params:xml:ns:pidf:data-model"
    xmlns:gp="urn:ietf:params:xml:ns:pidf:geopriv10"
    xmlns:gml="http://www.opengis.net/gml"
    xmlns:gs="http://www.opengis.net/pidflo/1.0"
    entity="pres:caller@example.org">
  <dm:device id="caller">
    <gp:geopriv>
      <gp:location-info>{shape}</gp:location-info>
      <gp:usage-rules/>
      <gp:method>{method}</gp:method>
    </gp:geopriv>
    <dm:timestamp>{moment}</dm:timestamp>
  </dm:device>
</presence>
"""
