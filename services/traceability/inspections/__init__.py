"""Test reports of lots (检验报告): recorded once for each laboratory and report number, corrected by new versions."""
