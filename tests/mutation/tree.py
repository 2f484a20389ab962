"""A copy of the checkout, with switches for its faults, and what is built from it."""
import os
import pathlib
import re
import shutil
import subprocess

from mutation.faults import Breaker

ROOT = pathlib.Path(__file__).resolve().parents[2]
PLACE = ROOT / "build/mutate"
ROUNDS = 8  # of leaving out what can't be compiled
HOUR = 3600
HEADER = r"""#pragma once
#include <cstdlib>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

/// Whether this fault is on. That it was asked for is noted in the file MUTANTS_REACHED, one byte a fault, which also outlives kill -9.
inline bool eventbus_mutant(int number) {
  static const int chosen = [] {
    const char* text = std::getenv("MUTANT");
    return text == nullptr ? 0 : std::atoi(text);
  }();
  static char* const reached = []() -> char* {
    const char* path = std::getenv("MUTANTS_REACHED");
    if (path == nullptr) return nullptr;
    const int file = ::open(path, O_RDWR | O_CLOEXEC);
    if (file < 0) return nullptr;
    void* map = ::mmap(nullptr, 65536, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    ::close(file);
    return map == MAP_FAILED ? nullptr : static_cast<char*>(map);
  }();
  if (reached != nullptr) reached[number] = 1;
  return number == chosen;
}
"""


class CannotBuild(Exception):
    """The copy can't be compiled, for a reason that isn't one of its faults."""


class Tree:
    """Copies what git knows of the checkout, breaks `paths`, builds `targets`. Faults that don't compile are left out."""

    def __init__(self, paths, targets):
        self.paths, self.targets = paths, targets
        self.source, self.build = PLACE / "source", PLACE / "build"

    def prepare(self):
        """The faults of the built programs."""
        self._copy()
        self._do("cmake", "-S", self.source, "-B", self.build, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release", "-DCMAKE_CXX_FLAGS_RELEASE=-O1",
                 f"-DCMAKE_CXX_FLAGS=-Wno-error=return-type -w -I{PLACE}", "-DCMAKE_UNITY_BUILD=ON", "-DEVENTBUS_TESTS=ON")
        without = set()
        for _ in range(ROUNDS):
            breaker = Breaker(without)
            for path in self.paths:
                self._write(self.source / path, breaker.broken(path, (ROOT / path).read_text()))
            built = self._try("cmake", "--build", self.build, "--target", *self.targets, "--", "-k", "0")
            if built.returncode == 0:
                return breaker.faults
            wrong = {(str(path), int(line)) for path, line in re.findall(r"(eventbus/[\w/]+\.cpp):(\d+):\d+: error:", built.stdout)} - without
            if not wrong & {(path, line) for path in self.paths for line in range(1, 10_000)}:
                break
            without |= wrong
        raise CannotBuild(built.stdout[-4000:])

    def program(self, name):
        """Where a built program lies."""
        return next(path for path in (self.build / name, *self.build.rglob(name)) if path.is_file() and os.access(path, os.X_OK))

    def _copy(self):
        known = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60).stdout.split("\n")
        for path in filter(None, known):
            if (ROOT / path).is_file() and path not in self.paths:
                self._write(self.source / path, (ROOT / path).read_bytes())
        self._write(PLACE / "mutant.hpp", HEADER)

    @staticmethod
    def _write(path, content):
        content = content.encode() if isinstance(content, str) else content
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.is_file() or path.read_bytes() != content:
            path.write_bytes(content)

    def _try(self, *command):
        return subprocess.run(list(map(str, command)), cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, timeout=HOUR)

    def _do(self, *command):
        done = self._try(*command)
        if done.returncode:
            raise CannotBuild(done.stdout[-4000:])


def fresh():
    """Forgets earlier copies and results."""
    shutil.rmtree(PLACE, ignore_errors=True)
