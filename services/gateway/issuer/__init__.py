"""Embedded OAuth 2.0 issuer (RFC 6749): clients of systems, users of the staff, keys."""
