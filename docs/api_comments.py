#!/usr/bin/python3
"""What Doxygen reads a header through (docs/Doxyfile): plain comments that stand at a declaration become its own.

  // Above a declaration.           becomes  /// Above a declaration.
  sent,  // Behind one.             becomes  sent,  ///< Behind one.
  // Before #pragma once.           becomes  /// \\file, about the header

A comment that an empty line follows is about what comes, and belongs to no declaration; one for clang-tidy is for nobody else.
Copying that is deleted and the defaulted constructor beside it need no words.
"""
import re
import sys

COMMENT = re.compile(r"^\s*//(?!/)")
UNSAID = re.compile(r"^\s*(explicit )?\w[\w:& ]*\(.*\)( const)?( noexcept)? = (delete|default);$|^\s*\w+& operator=\(.*\) = delete;$")


def documented(lines):
    block = []
    for number, line in enumerate(lines):
        if COMMENT.match(line):
            block.append(line)
            continue
        if block:
            yield from shown(block, line)
            block = []
        yield "" if UNSAID.match(line) else re.sub(r"(\S.*\S|[{,;(])\s+// ?", r"\1  ///< ", line, count=1)
    yield from block


def shown(block, following):
    if following.startswith("#pragma once"):
        return [re.sub(r"// ?", "/// \\\\file\n/// ", block[0], count=1), *as_documentation(block[1:])]
    return as_documentation(block) if following.strip() else block


def as_documentation(block):
    return [line if "NOLINT" in line else re.sub(r"//", "///", line, count=1) for line in block]


print("\n".join(documented(open(sys.argv[1], encoding="utf-8").read().splitlines())))
