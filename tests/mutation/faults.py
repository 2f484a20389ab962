"""Faults put into C++ text, one switch a fault: a program built from it holds all of them, and MUTANT=<number> in its environment turns on one.

The idea of one build for all is that of mutant schemata (Untch, Offutt, Harrold: "Mutation analysis using mutant schemata", ISSTA 1993). It works
on lines as clang-format leaves them; what stands on several lines, but for a statement that can be dropped, stays as it is.
"""
import dataclasses
import itertools
import re

OPPOSITES = {" < ": " <= ", " <= ": " < ", " > ": " >= ", " >= ": " > ", " == ": " != ", " != ": " == ", " && ": " || ", " || ": " && ",
             " + ": " - ", " - ": " + ", "std::min(": "std::max(", "std::max(": "std::min("}
CONDITION = re.compile(r"^(?P<head>\s*(?:\} else )?(?:if|while) \()(?P<rest>.*)$")
LOOP = re.compile(r"^(?P<head>\s*for \([^;()]*(?:\([^;()]*\))?[^;()]*; )(?P<condition>[^;]+)(?P<tail>; .*)$")
VALUE = re.compile(r"^(?P<head>\s*(?:co_return|return|(?:const )?(?:auto|bool|std::\w+) \w+ =) )(?P<value>[^;]+)(?P<tail>;.*)$")
STATEMENT = re.compile(r"^(?:\+\+|--|\*)?(?:co_await )?[a-z_][\w:]*(?:\(|\.|->|\[| [-+|&]?= |;$|\+\+|--)|^(?:\+\+|--)[\w*]|^(?:continue|break|throw .*);$")
NO_STATEMENT = re.compile(r"^(?:co_return|return|case|default|using|else|if|for|while|switch|catch|try|do|namespace|static_assert|public|private|struct|class)\b")

WITHOUT_EFFECT = re.compile(r"\.reserve\(|\bcrash_point\(|\blog_(?:debug|info|warning|error)\(|spdlog::")  # on what is promised


@dataclasses.dataclass(frozen=True)
class Fault:
    """One fault: its number, where it is, what it does."""

    number: int
    path: str
    line: int
    what: str

    def __str__(self):
        return f"{self.number:5} {self.path}:{self.line}  {self.what}"


def closing(text, start=0):
    """Where the parenthesis that is open at `start` is closed; -1 where it isn't."""
    depth = 0
    for index in range(start, len(text)):
        depth += {"(": 1, ")": -1}.get(text[index], 0)
        if depth < 0:
            return index
    return -1


def outside_quotes(line):
    """The line with what stands in quotes blanked out, of the same length."""
    return re.sub(r'R"\(.*?\)"|"(?:\\.|[^"\\])*"|\'(?:\\.|[^\'\\])\'', lambda found: "_" * len(found[0]), line)


def outside_strings(line):
    """The line with what stands in quotes and comments blanked out, of the same length."""
    return re.sub(r"//.*", lambda found: "_" * len(found[0]), outside_quotes(line))


def without_comment(line):
    """The line up to the comment that it ends with."""
    return line[:len(outside_quotes(line).split("//")[0])].rstrip()


def swaps(expression):
    """(what, expression) for each operator of an expression turned into its opposite."""
    plain = outside_strings(expression)
    for operator, other in OPPOSITES.items():
        for found in re.finditer(re.escape(operator), plain):
            yield f"{operator.strip()} becomes {other.strip()} in: {expression.strip()}", expression[:found.start()] + other + expression[found.end():]
    for word, other in (("true", "false"), ("false", "true")):
        if expression.strip() == word:
            yield f"{word} becomes {other}", other


class Breaker:
    """Puts faults into files, one after the other, and numbers them on. Those of `without` (path, line) are left out."""

    def __init__(self, without=()):
        self.without = frozenset(without)
        self.faults = []
        self._numbers = itertools.count(1)
        self._path = self._line = None

    def broken(self, path, text):
        """The text of a file with its switches."""
        lines = text.split("\n")
        self._path, done = path, []
        while len(done) < len(lines):
            index = len(done)
            self._line = index + 1
            if (path, self._line) in self.without or not lines[index].startswith(" "):
                done.append(lines[index])
            elif length := self._statement_length(lines, index):
                done += self._dropped(lines[index:index + length]).split("\n")
            else:
                done.append(self._changed(lines[index]))
        return '#include "mutant.hpp"\n#line 1\n' + "\n".join(done)

    def _switch(self, what):
        fault = Fault(next(self._numbers), self._path, self._line, what)
        self.faults.append(fault)
        return f"eventbus_mutant({fault.number})"

    def _choice(self, expression):
        """The expression, or with a switch on the expression with one operator swapped."""
        if "co_await" in expression or re.search(r"\[[&=\]]|\[this", expression) or expression.startswith("{"):
            return expression
        chosen = f"({expression})"
        for what, other in swaps(expression):
            chosen = f"({self._switch(what)} ? ({other}) : {chosen})"
        return chosen if chosen != f"({expression})" else expression

    def _changed(self, line):
        if found := CONDITION.match(line):
            return self._condition(found["head"], found["rest"], line)
        if found := LOOP.match(line):
            return found["head"] + self._choice(found["condition"]) + found["tail"]
        if found := VALUE.match(line):
            return found["head"] + self._choice(found["value"]) + found["tail"]
        return line

    def _condition(self, head, rest, line):
        end = closing(outside_strings(rest))
        condition = rest[:end]
        if end < 0:
            return line
        after = rest[end + 1:]
        if inner := re.match(r"^ (?P<statement>[^{}]*;)$", after):
            statement = inner["statement"]
            if self._droppable(statement) and not statement.startswith(("co_return", "return")):
                after = f" {{ if (!{self._switch(f'dropped: {statement}')}) {statement} }}"
            elif found := VALUE.match(statement):
                after = " " + found["head"] + self._choice(found["value"]) + found["tail"]
        if ";" in outside_strings(condition) or re.search(r"^\s*(?:const )?auto\b", condition):
            split = condition.rfind("; ") + 2
            if split < 2:
                return head + condition + ")" + after
            before, condition = condition[:split], condition[split:]
        else:
            before = ""
        choice = self._choice(condition)
        return f"{head}{before}static_cast<bool>({choice}) != {self._switch(f'negated: {condition}')}){after}"

    @staticmethod
    def _droppable(statement):
        return bool(STATEMENT.match(statement)) and not NO_STATEMENT.match(statement) and not WITHOUT_EFFECT.search(statement)

    def _statement_length(self, lines, index):
        """How many lines a statement that can be dropped takes from here; 0 where there is none."""
        before = lines[index - 1].rstrip() if index else ""
        if not self._droppable(lines[index].strip()) or not re.search(r"[{};]$|^\s*//.*$", before):
            return 0
        depth = 0
        for length, line in enumerate(lines[index:index + 12], 1):
            plain = outside_strings(line)
            depth += sum({"(": 1, "{": 1, "[": 1}.get(c, 0) - {")": 1, "}": 1, "]": 1}.get(c, 0) for c in plain)
            if depth < 0:
                return 0
            if depth == 0 and plain.rstrip("_ ").endswith(";"):
                return length
        return 0

    def _dropped(self, lines):
        lines = [without_comment(line) for line in lines]
        statement = "\n".join(lines)
        what = " ".join(" ".join(line.split()) for line in lines)
        choice = f"if (!{self._switch(f'dropped: {what}')}) {{ {statement.strip()} }}"
        swapped = next(((f"{a.strip()} becomes {b.strip()} in: {what}", statement.replace(a, b, 1)) for a, b in ((" += ", " -= "), (" -= ", " += ")) if a in statement), None)
        if swapped:
            return f"if ({self._switch(swapped[0])}) {{ {swapped[1].strip()} }} else {choice}"
        return choice
