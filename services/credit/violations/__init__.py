"""Penalty decisions (行政处罚): intake from enforcement units, correction, withdrawal, publication and its end."""
