"""The faults that script/mutate puts into sources: each is one switch, and without one the text means what it meant."""
import pathlib
import re
import subprocess

from mutation.faults import Breaker
from mutation.tree import HEADER

SOURCE = r"""#include <cstdio>
#include <stdexcept>
#include <vector>

/// Adds what is positive and small.
int sum(const std::vector<int>& numbers, int limit) {
  int sum = 0;
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    if (numbers[i] <= 0) continue;
    if (const int number = numbers[i]; number > limit) break;
    sum += numbers[i];  // not "//"
  }
  return sum;
}

bool even(int number) {
  const bool odd = number % 2 == 1;
  if (odd || number < 0) return false;
  return true;
}

int main() {
  std::printf("%d %d %s\n", sum({1, -5, 2, 9, 1}, 8), even(4) + even(3),
              "a < b; (");
}
"""


def outcome(program, number):
    return subprocess.run([program], env={"MUTANT": str(number)}, capture_output=True, text=True, check=False, timeout=30).stdout


def test_each_fault_is_a_switch_of_one_program(tmp_path: pathlib.Path):
    breaker = Breaker()
    (tmp_path / "mutant.hpp").write_text(HEADER)
    (tmp_path / "program.cpp").write_text(breaker.broken("program.cpp", SOURCE))
    subprocess.run(["g++", "-std=c++20", "-o", "program", "program.cpp"], cwd=tmp_path, check=True, timeout=120)
    right = outcome(tmp_path / "program", 0)
    assert right == "3 1 a < b; (\n"
    outcomes = {(fault.line, fault.what): outcome(tmp_path / "program", fault.number) for fault in breaker.faults if fault.line != 8}
    expected = {(9, "dropped: continue;"): "-2 1", (9, "<= becomes < in: numbers[i] <= 0"): "3 1", (10, "negated: number > limit"): "0 1",
                (10, "dropped: break;"): "13 1", (11, "dropped: sum += numbers[i];"): "0 1", (11, "+= becomes -= in: sum += numbers[i];"): "-3 1",
                (18, "|| becomes && in: odd || number < 0"): "3 2", (19, "true becomes false"): "3 0"}
    assert {key: outcomes.get(key) for key in expected} == {key: f"{numbers} a < b; (\n" for key, numbers in expected.items()}
    assert [fault.number for fault in breaker.faults] == list(range(1, len(breaker.faults) + 1))


def test_lines_keep_their_numbers_and_chosen_ones_stay_as_they_are():
    broken = Breaker({("program.cpp", 9)}).broken("program.cpp", SOURCE).split("\n")[2:]
    assert len(broken) == len(SOURCE.split("\n"))
    assert broken[8] == SOURCE.split("\n")[8]
    assert re.search("eventbus_mutant", broken[9])
