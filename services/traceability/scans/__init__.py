"""The scan log and its counters, a projection of the gateway's `scans.recorded`; never part of a cached verdict."""
