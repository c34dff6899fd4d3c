"""The EPCIS 2.0 repository: capture, events and queries under `/epcis`."""
