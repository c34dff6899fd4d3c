"""The plan's targets as data: exact clause, comparator, deadline, departments, open questions, versions."""
