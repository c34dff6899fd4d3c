"""The one answer for one scan: verdict, reasons, what was checked, journey. One stored row for each lot."""
