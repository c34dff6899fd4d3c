"""Subjects (主体) keyed by USCC: name, former names, area, industry, state, chief quality officer or not."""
