"""Test reports of lots (检验报告): recorded once for each recorder, laboratory and report
number, corrected by new versions of the same recorder."""
