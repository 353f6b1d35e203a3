"""A whole node on one machine: Asterisk, Postgres, the application, SIPp desks and callers.

`make run`, the tests and the benchmarks use it; the product itself does not depend on it.
"""
