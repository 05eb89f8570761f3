# SPDX-License-Identifier: MIT
"""All mutants of some stages in one copy of the sources: each expression that one of them changes
becomes a choice by ccpi_mutant_is() (chosen.c), so that the tests are built once.

The number of a mutant is PER_FILE times that of its file, and its place in the file."""
import re

PER_FILE = 1000
DECLARED = "int ccpi_mutant_is(int number); "

TOKEN = re.compile(r"\w+|->|\+\+|--|<<=|>>=|[-+*/%&|^<>=!]=|<<|>>|&&|\|\||\S")
STOPS = {";", "{", "}", "return", "else", "do", "case", "goto"}
# How tightly an operator binds; what is not here binds more tightly than a comparison.
LEVELS = {",": 0, "?": 2, ":": 2, "||": 3, "&&": 4, "|": 5, "^": 6, "&": 7, "==": 8, "!=": 8,
          "<": 9, ">": 9, "<=": 9, ">=": 9}
TIGHT = 10


def level(tokens, i):
    t = tokens[i].group()
    if t == "&" and not ends_operand(tokens, i - 1):
        return TIGHT
    if t not in LEVELS and len(t) > 1 and t.endswith("=") or t == "=":
        return 1
    return LEVELS.get(t, TIGHT)


def ends_operand(tokens, i):
    """Is the token the end of what & could combine?  Else & takes an address."""
    t = tokens[i].group()
    if t != ")":
        return t == "]" or (re.match(r"\w", t) and t not in ("return", "sizeof", "case"))
    return tokens[i - 1].group() != "*"  # of a cast to a pointer


def reach(tokens, i, step, lowest):
    """The last token, before or after the i-th, of an operand of an operator: until one that binds
    less tightly than `lowest`."""
    opening, closing = ("([", ")]") if step > 0 else (")]", "([")
    depth, j = 0, i + step
    while True:
        t = tokens[j].group()
        if t in opening:
            depth += 1
        elif t in closing:
            depth -= 1
        if depth < 0 or (depth == 0 and (t in STOPS or level(tokens, j) < lowest)):
            return tokens[j - step]
        j += step


def around(tokens, mutant):
    """Where the expression begins and ends that can stand in place of what a mutant changes: with
    another connective the whole chain, as && binds more tightly than ||."""
    i = next((i for i, t in enumerate(tokens) if t.start() == mutant.start), None)
    if i is None or tokens[i].group() not in LEVELS:
        return mutant.start, mutant.end
    if tokens[i].group() in ("&&", "||"):
        left = right = LEVELS["||"]
    else:
        left = LEVELS[tokens[i].group()]
        right = left + 1
    return reach(tokens, i, -1, left).start(), reach(tokens, i, 1, right).end()


class Choice:
    """An expression, the mutants that change it, and the choices within it."""

    def __init__(self, start, end):
        self.start, self.end, self.mutants, self.inner = start, end, [], []

    def text(self, whole, first):
        parts, at, truth = [], self.start, False
        for m in self.mutants:
            mutated = whole[self.start : m.start] + m.text + whole[m.end : self.end]
            parts.append("ccpi_mutant_is(%d) ? (%s) : " % (first + m.place, mutated))
            truth |= m.text in ("0", "1")  # a condition, which may be a pointer
        parts.append("!!(" if truth else "(")
        for c in self.inner:
            parts += [whole[at : c.start], c.text(whole, first)]
            at = c.end
        return "(%s%s))" % ("".join(parts), whole[at : self.end])


def choices(code, mutants):
    """The outermost choices, those within them inside."""
    tokens, found = list(TOKEN.finditer(code)), {}
    for place, m in enumerate(mutants):
        m.place = place
        span = around(tokens, m)
        found.setdefault(span, Choice(*span)).mutants.append(m)
    outer, stack = [], []
    for c in sorted(found.values(), key=lambda c: (c.start, -c.end)):
        while stack and stack[-1].end <= c.start:
            stack.pop()
        if stack and c.end > stack[-1].end:
            raise ValueError("two expressions overlap at %d" % c.start)
        (stack[-1].inner if stack else outer).append(c)
        stack.append(c)
    return outer


def woven(whole, code, mutants, first):
    """The text of a source with all its mutants, of which the first has this number."""
    if len(mutants) > PER_FILE:
        raise ValueError("more than %d mutants in a file" % PER_FILE)
    parts, at = [DECLARED], 0
    for c in choices(code, mutants):
        parts += [whole[at : c.start], c.text(whole, first)]
        at = c.end
    return "".join(parts) + whole[at:]
