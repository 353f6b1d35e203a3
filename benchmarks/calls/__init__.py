"""Calls conducted by this service against calls of a native dialplan, on the same Asterisk."""
