"""Kinds of callers for tests, and the tokens that they carry: real EdDSA JWTs under a key of the test session."""
