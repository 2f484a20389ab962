"""What a broken ring shows."""
import pytest

from rings.excerpt import LAST, OF_A_TEST, TESTS, excerpt

BEHIND = [f"7: line {number}\n" for number in range(LAST)]


def a_test(name, end, *lines, program="3: "):
    return [f"{program}{line}\n" for line in (f"[ RUN      ] {name}", *lines, *([f"[ {end:>8} ] {name} (5 ms)"] if end else []))]


@pytest.mark.parametrize("program", ["", "12: "])
@pytest.mark.parametrize("end", ["FAILED", None])
def test_a_failed_test_is_shown_whatever_came_behind_it(program, end):
    bad = a_test("A.b/0", end, "why", program=program)
    before = a_test("A.a", "OK", "chatter", program=program)
    after = a_test("A.c", "OK", program=program) if end else []
    assert excerpt(before + bad + after + BEHIND) == bad + (after + BEHIND)[-LAST:]


def test_of_programs_side_by_side_each_keeps_its_lines():
    mixed = ["1: [ RUN      ] A.a\n", "2: [ RUN      ] B.b\n", "1: of a\n", "2: of b\n", "2: [       OK ] B.b (1 ms)\n", "1: [  FAILED  ] A.a (2 ms)\n"]
    assert excerpt(mixed + BEHIND) == [line for line in mixed if line.startswith("1: ")] + BEHIND


def test_what_is_shown_is_bounded():
    long = a_test("A.a", "FAILED", *map(str, range(OF_A_TEST)))
    assert excerpt(long * (TESTS + 1) + BEHIND) == long[-OF_A_TEST:] * TESTS + BEHIND


def test_short_output_is_shown_as_it_is():
    lines = a_test("A.a", "FAILED") + BEHIND[:10]
    assert excerpt(lines) == lines
