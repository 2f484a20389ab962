"""Runs the benchmarks of the contract (section 10, E1–E5) and shows cost as it grows."""
