"""Test results and alerts beside the enterprise: supervision tests are public, alerts are for departments only."""
