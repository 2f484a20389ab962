"""Makes the rig's own modules importable."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
