"""The record: a local durable journal of events, and Postgres behind it."""
