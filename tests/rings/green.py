"""build/last-green: the commit that all rings passed on."""
import subprocess


def git(root, *arguments):
    """What git prints; None outside a repository."""
    done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, check=False, timeout=60)
    return done.stdout.strip() if done.returncode == 0 else None


def clean_commit(root):
    """The commit that the working tree is equal to; none where anything differs or lies beside it."""
    return git(root, "rev-parse", "HEAD") if git(root, "status", "--porcelain") == "" else None


class LastGreen:
    """A run of the rings, from its beginning. Only a whole one says anything of the commit: it takes back what the last one said, and says it
    again at its end when everything passed and the tree was the same clean one throughout."""

    def __init__(self, root, whole):
        self.root, self.whole = root, whole
        self.file = root / "build/last-green"
        self.commit = clean_commit(root)
        if whole:
            self.file.unlink(missing_ok=True)

    def passed(self, run):
        """`run` names it, e.g. "script/test --full". True when the file says so now."""
        if not self.whole or self.commit is None or clean_commit(self.root) != self.commit:
            return False
        self.file.parent.mkdir(exist_ok=True)
        self.file.write_text(f"commit {self.commit}\ntree clean\nrun {run}\n")
        return True
