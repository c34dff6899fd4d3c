"""Full-size faults, never in CI: storms of SIGKILLs, long outages, groups that grow and shrink (`make chaos`)."""
