"""Histories of concurrent clients, through any instance and while faults strike, recorded and judged."""
