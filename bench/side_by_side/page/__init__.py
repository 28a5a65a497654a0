"""The sections of bench/RESULTS.md."""
