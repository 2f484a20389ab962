"""The rings of tests that script/test runs, in order."""
