"""Runs the benchmarks of the contract (section 10) and shows cost as it grows."""
