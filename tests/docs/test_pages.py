"""Every command of README.md and docs/ works as typed, and prints what the page says; every link of a page leads somewhere."""
import pathlib
import re
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from console import Shell, checkout, pattern_of, steps_of  # noqa: E402  pylint: disable=wrong-import-position
from support.dependencies import production_settings  # noqa: E402  pylint: disable=wrong-import-position
from support.server import ROOT  # noqa: E402  pylint: disable=wrong-import-position

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md")), ROOT / "eventbus/README.md"]


def name(page):
    return str(page.relative_to(ROOT))


@pytest.mark.timeout(1800)  # script/server may have to build
@pytest.mark.parametrize("page", [page for page in PAGES if steps_of(page)], ids=name)
def test_commands_work_as_typed(page, tmp_path):
    shell = Shell(checkout(tmp_path), **(production_settings(tmp_path) if '"$DATABASE_URL"' in page.read_text() else {}))
    try:
        for step in steps_of(page):
            status, output = shell.run(step)
            place = f"{name(page)}:{step.line}: $ {step.command}\n{output}"
            assert status == 0, f"exit status {status} of {place}"
            if step.output:
                assert pattern_of(step.output).fullmatch(output if output.endswith("\n") else output + "\n"), \
                    f"other output of {place}\nthe page says:\n" + "\n".join(step.output)
    finally:
        shell.close()


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_lead_somewhere(page):
    text = re.sub(r"```.*?```", "", page.read_text(), flags=re.S)
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text):
        if not re.match(r"^[a-z]+:", target):
            assert (page.parent / target).exists(), f"{name(page)} links to {target}"


def test_the_tour_is_there():
    """The runner has not silently stopped finding commands."""
    assert len(steps_of(ROOT / "README.md")) >= 8
