"""Enterprise view and the red and black list: projections of credit's and traceability's events, one row a USCC."""
