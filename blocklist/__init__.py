"""Caller numbers, and which of them may not ring a desk."""
