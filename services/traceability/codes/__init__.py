"""Codes on packages: GS1 Digital Link URIs as QR, and the link set behind a code (RFC 9264)."""
