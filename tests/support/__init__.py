"""What the system, crash and documentation tests share: the real binary, HTTP clients, event makers."""
