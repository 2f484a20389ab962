"""Histories drawn from a seed, said in every way HTTP allows, played against the real program, and held against a ledger."""
