"""Breaks one line of the path of an event at a time, and tells which breaks no test notices. script/mutate is its front."""
