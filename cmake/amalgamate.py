#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""amalgamate.py [--prefix NAME] [--without FILE]... DIRECTORY: writes all of libccp as two files.

DIRECTORY/ccp.h is the public header, DIRECTORY/ccp.c everything below src/, in the order of
sources.cmake.  Of the files for one platform (base/park_*.c, base/event_*.c) both are in it, and
macros choose: CCP_PARK_FUTEX or CCP_PARK_COND, CCP_EVENT_EVENTFD or CCP_EVENT_PIPE.

--prefix NAME   calls the files NAME.h and NAME.c, and what begins with ccp_, CCP_, ccpi_ or CCPI_
                by NAME instead of ccp; so a program can hold two copies.
--without FILE  leaves a source out, which is then compiled by itself; for tests that put
                something in the place of its functions.

What a file has for itself (static functions and objects, types, macros) is called NAME there, and
ccpi_FILE_NAME_ here: nothing clashes with another file, nor with the program, should that include
ccp.c in a source of its own.
"""
import argparse
import bisect
import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

# Files of which one is compiled: pattern, {last part of the name: its macro}; the first macro is
# the default on Linux, the second one elsewhere.
CHOICES = [
    ("base/park_", {"futex": "CCP_PARK_FUTEX", "cond": "CCP_PARK_COND"}),
    ("base/event_", {"eventfd": "CCP_EVENT_EVENTFD", "pipe": "CCP_EVENT_PIPE"}),
]

HEAD = """/* SPDX-License-Identifier: MIT
 *
 * libccp %s in one file, made by cmake/amalgamate.py; ccp.h is beside it.  Compile it as C11 or
 * later with -pthread, or include it in a source of your own before anything else.
 *
 * Macros that may be defined before it:
 *   CCP_PARK_FUTEX, CCP_PARK_COND      how a thread sleeps: by Linux, or by POSIX alone
 *   CCP_EVENT_EVENTFD, CCP_EVENT_PIPE  what descriptors are: of Linux, or of POSIX
 *   CCP_API                            stands before the public functions, here and in ccp.h;
 *                                      empty hides them in a shared library
 */
#ifdef __cplusplus
#error "this is C, for its atomics: compile it as C; C++ includes the header alone"
#endif
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

"""
CHOOSE = """#if !defined({0}) && !defined({1})
#if defined(__linux__)
#define {0}
#else
#define {1}
#endif
#endif
"""
HIDE = """
/* What is not the interface is not to be seen from outside a shared library. */
#if defined(__GNUC__)
#pragma GCC visibility push(hidden)
#endif

"""
UNHIDE = """
#if defined(__GNUC__)
#pragma GCC visibility pop
#endif
"""

TOKEN = re.compile(r"""
    (?P<comment>/\*.*?\*/|//[^\n]*)
  | (?P<string>"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')
  | (?P<number>\.?[0-9](?:[eEpP][+-]|[A-Za-z0-9_.])*)
  | (?P<name>[A-Za-z_][A-Za-z0-9_]*)
  | (?P<punct>->|\.\.\.|\#\#|[^\s\w])
""", re.S | re.X)
DIRECTIVE = re.compile(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*$", re.M)
INCLUDE = re.compile(r'[ \t]*#[ \t]*include[ \t]*(<[^>]*>|"[^"]*")')
OWN = re.compile(r"^(?:ccpi?|CCPI?)_")


class Token:
    """A word of C, its kind and place; `directive` is the number of its # line, or None."""
    __slots__ = ("kind", "text", "begin", "end", "directive")

    def __init__(self, match, directive):
        self.kind, self.text = match.lastgroup, match.group()
        self.begin, self.end, self.directive = match.start(), match.end(), directive


def tokens_of(text):
    """The tokens of a text, comments too."""
    # A comment has no directive in it: the lines that begin with # are looked for without them.
    blank = re.sub(r"/\*.*?\*/", lambda m: re.sub(r"[^\n]", " ", m.group()), text, flags=re.S)
    spans = [m.span() for m in DIRECTIVE.finditer(blank)]
    begins = [span[0] for span in spans]

    def directive_at(place):
        i = bisect.bisect_right(begins, place) - 1
        return i if i >= 0 and place < spans[i][1] else None

    return [Token(m, directive_at(m.start())) for m in TOKEN.finditer(text)]


# ---- what a file has for itself ----

def declared_in(statement):
    """Names that a statement at file scope declares, up to its body, initializer or semicolon."""
    words = [t.text for t in statement]
    if not words or words[0] != "typedef" and not {"static", "CCPI_INLINE"} & set(words):
        return set()
    found, depth, i = set(), 0, 0
    while i < len(words):
        word, following = words[i], words[i + 1] if i + 1 < len(words) else ""
        if word in ("__attribute__", "_Atomic", "__typeof__", "_Alignas") and following == "(":
            i, depth_before = i + 1, depth
            while i < len(words):
                depth += {"(": 1, ")": -1}.get(words[i], 0)
                if depth == depth_before:
                    break
                i += 1
        elif word in ("(", "["):
            depth += 1
            if word == "(" and following == "*" and words[0] == "typedef":
                found.add(words[i + 2])
                return found
        elif word in (")", "]"):
            depth -= 1
        elif statement[i].kind == "name" and depth == 0:
            if following == "(" and words[0] != "typedef" and word != "_Atomic":
                return {word}
            if following in (";", ",", "[", "=", ""):
                found.add(word)
        i += 1
    return found


class Names:
    """The names that a file declares: tags of structures, and all others."""

    def __init__(self, text):
        self.tags, self.plain = set(), set()
        tokens = [t for t in tokens_of(text) if t.kind != "comment"]
        for i, t in enumerate(tokens):
            if t.directive is not None and t.text == "define" and tokens[i - 1].text == "#":
                self.plain.add(tokens[i + 1].text)
        code = [t for t in tokens if t.directive is None]
        self._walk(code)
        for names in (self.tags, self.plain):
            names -= {n for n in names if OWN.match(n) or n.startswith("_")}

    def _walk(self, code):
        depth, enums, statement = 0, [], []
        for i, t in enumerate(code):
            before = code[i - 1].text if i else ""
            if t.text == "{":
                kind = code[i - 1].text if i else ""
                tag = code[i - 2].text if i > 1 else ""
                if tag in ("struct", "union", "enum"):
                    self.tags.add(kind)
                if depth == 0 and kind == ")":
                    self.plain |= declared_in(statement)
                    statement = []
                depth += 1
                if "enum" in (kind, tag):
                    enums.append(depth)
            elif t.text == "}":
                if enums and enums[-1] == depth:
                    enums.pop()
                depth -= 1
            elif enums and enums[-1] == depth:
                if t.kind == "name" and before in ("{", ","):
                    self.plain.add(t.text)
            elif depth == 0:
                if t.text == ";":
                    self.plain |= declared_in(statement + [t])
                    statement = []
                elif t.text == "=":
                    self.plain |= declared_in(statement + [t])
                    statement = []
                else:
                    statement.append(t)


def member_places(tokens):
    """Places of names of members: after . and ->, and where a structure declares them."""
    code = [t for t in tokens if t.kind != "comment" and t.directive is None]
    members, stack = set(), []
    for i, t in enumerate(code):
        before = code[i - 1].text if i else ""
        after = code[i + 1].text if i + 1 < len(code) else ""
        if t.text in ("{", "(", "["):
            kind = t.text
            if t.text == "{":
                words = [x.text for x in code[max(0, i - 2):i]]
                kind = "struct" if {"struct", "union"} & set(words) else "{"
            stack.append(kind)
        elif t.text in ("}", ")", "]"):
            stack.pop()
        elif t.kind == "name":
            if before in (".", "->"):
                members.add(t.begin)
            elif before not in ("struct", "union", "enum") and "struct" in stack and \
                    "[" not in stack:
                inside = stack[-1]
                pointer = inside == "(" and before == "*" and after == ")" and \
                    stack[-2] == "struct"
                plain = inside == "struct" and after in (";", ",", "[", ":") and before != ":"
                if pointer or plain:
                    members.add(t.begin)
    return members | container_members(tokens)


def container_members(tokens):
    """Places of the last arguments of CCPI_CONTAINER() and offsetof()."""
    code = [t for t in tokens if t.kind != "comment"]
    found, callees = set(), []
    for i, t in enumerate(code):
        if t.text == "(":
            callees.append(code[i - 1].text if i else "")
        elif t.text == ")" and callees:
            if callees.pop() in ("CCPI_CONTAINER", "offsetof") and code[i - 2].text == ",":
                found.add(code[i - 1].begin)
    return found


def rename(text, plain, tags):
    """The text with its own names replaced, in comments where they are called: name()."""
    tokens = tokens_of(text)
    members = member_places(tokens)
    out, at, before = [], 0, ""
    for t in tokens:
        new = t.text
        if t.kind == "comment":
            new = re.sub(r"\b([A-Za-z_]\w*)\(\)",
                         lambda m: plain.get(m.group(1), m.group(1)) + "()", new)
        elif t.kind == "name" and t.begin not in members:
            if before in ("struct", "union", "enum"):
                new = tags.get(t.text, t.text)
            elif before not in (".", "->"):
                new = plain.get(t.text, t.text)
        if t.kind != "comment":
            before = t.text
        out += [text[at:t.begin], new]
        at = t.end
    return "".join(out) + text[at:]


def with_prefix(text, prefix):
    """The text with what is libccp's called by another name, also where reports name it."""
    upper = prefix.upper()
    return re.sub(r"(?<![A-Za-z0-9_])(ccp|CCP)([iI]?_)",
                  lambda m: (prefix if m.group(1) == "ccp" else upper) + m.group(2), text)


# ---- putting it together ----

class Amalgamation:
    """What goes into ccp.c, in order."""

    def __init__(self, sources, without):
        self.source_names = [s for s in sources if s not in without]
        self.texts, self.headers = {}, []
        self.system = []  # includes, in the order in which they are first seen
        for name in self.source_names:
            self._read(name)
        self.known = set(re.findall(r"\w+", "".join(self.texts.values())))
        self.names = {name: Names(text) for name, text in self.texts.items()}
        stems = [self._stem(n) for n in self.texts if n.endswith(".c")]
        self.twice = {s for s in stems if stems.count(s) > 1}

    @staticmethod
    def _stem(name):
        return os.path.splitext(os.path.basename(name))[0]

    def _read(self, name):
        if name in self.texts:
            return
        with open(os.path.join(ROOT, "src", name), encoding="utf-8") as f:
            self.texts[name] = f.read()
        for inner in re.findall(r'^#include "([^"]*)"', self.texts[name], re.M):
            if inner != "ccp.h":
                self._read(inner)
        if name.endswith(".h"):
            self.headers.append(name)

    def _renamed(self, name):
        """The text of a file, with the names that it and the headers it includes have."""
        plain, tags = {}, {}
        includes = re.findall(r'^#include "([^"]*)"', self.texts[name], re.M)
        for owner in [name] + [h for h in includes if h != "ccp.h"]:
            stem = self._stem(owner)
            if stem in self.twice:
                stem = owner[:owner.index("/")] + "_" + stem
            names = self.names[owner]
            for n in names.plain | names.tags:
                new = "ccpi_%s_%s_" % (stem, n)
                if n.isupper() or n in names.plain and n == n.upper():
                    new = new.upper()
                if new in self.known:
                    sys.exit("%s: %s would be called %s, which there is" % (owner, n, new))
                if n in names.plain:
                    plain.setdefault(n, new)
                if n in names.tags:
                    tags.setdefault(n, new)
        return rename(self.texts[name], plain, tags)

    @staticmethod
    def _choice(name):
        """The macro that chooses a file, if one does."""
        for pattern, macros in CHOICES:
            if name.startswith(pattern):
                return macros[name[len(pattern):-2]]
        return None

    def _body(self, name):
        """A file without its licence, guard and includes; those of the system are noted."""
        text = self._renamed(name)
        text = re.sub(r"\A/\* SPDX-License-Identifier: MIT\n \*\n", "/*\n", text)
        text = re.sub(r"^/\* uses: [^\n]*\*/\n", "", text, flags=re.M)
        text = re.sub(r"^#define _(GNU_SOURCE|POSIX_C_SOURCE)\b[^\n]*\n", "", text, flags=re.M)
        if name.endswith(".h"):
            guard = "CCPI_" + re.sub(r"\W", "_", name.upper())
            text, n = re.subn(r"^#ifndef %s\n#define %s\n(.*)^#endif[^\n]*\n\Z" % (guard, guard),
                              r"\1", text, flags=re.M | re.S)
            if n != 1:
                sys.exit("%s: the guard is not %s" % (name, guard))
        if name == "base/atomic.h":
            # Outside of a header compilers warn of inline functions that nobody calls.
            text, n = re.subn(r"__attribute__\(\(always_inline\)\)",
                              "__attribute__((always_inline, unused))", text)
            if n != 1:
                sys.exit("base/atomic.h does not define CCPI_INLINE as it did")
        # Includes under a condition go to the top together with it.
        choice = self._choice(name)
        pattern = (r"^#if[^\n]*\n(?:#include <[^\n]*\n)+(?:#else[^\n]*\n(?:#include <[^\n]*\n)+)?"
                   r"#endif[^\n]*\n|^#include [^\n]*\n")

        def note(m):
            block = m.group()
            if not block.startswith('#include "'):
                if choice:
                    block = "#ifdef %s\n%s#endif\n" % (choice, block)
                if block not in self.system:
                    self.system.append(block)
            return ""

        text = re.sub(pattern, note, text, flags=re.M)
        text = re.sub(r"\n{3,}", "\n\n", text).strip("\n")
        if choice:
            text = "#ifdef %s\n%s\n#endif /* %s */" % (choice, text, choice)
        return "/* ======== src/%s ======== */\n\n%s\n" % (name, text)

    def text(self, version):
        """The whole of ccp.c."""
        bodies = [self._body(n) for n in self.headers + self.source_names]
        # What is included anyway need not be so once more under a condition.
        always = [b for b in self.system if b.startswith("#include")]
        some = [b for b in self.system if not b.startswith("#include") and
                not set(re.findall(r"<.*>", b)) <= set(re.findall(r"<.*>", "".join(always)))]
        choose = [CHOOSE.format(*macros.values()) for _, macros in CHOICES]
        return "".join([HEAD % version, "\n".join(choose), '\n#include "ccp.h"\n\n',
                        "".join(sorted(always)), "".join(some), HIDE, "\n".join(bodies), UNHIDE])


def sources():
    """What sources.cmake lists, and the files that platforms choose from."""
    with open(os.path.join(ROOT, "src", "sources.cmake"), encoding="utf-8") as f:
        found = re.findall(r"^    (\S+\.c)$", f.read(), re.M)
    chosen = [pattern + last + ".c" for pattern, macros in CHOICES for last in macros]
    last_base = max(i for i, name in enumerate(found) if name.startswith("base/"))
    return found[:last_base + 1] + chosen + found[last_base + 1:]


def write(path, text):
    """Writes a file; who reads it meanwhile has the old one."""
    with open(path + ".new", "w", encoding="utf-8") as f:
        f.write(text)
    os.replace(path + ".new", path)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--prefix", default="ccp")
    parser.add_argument("--without", action="append", default=[])
    parser.add_argument("directory")
    arguments = parser.parse_args()
    prefix, without = arguments.prefix, set(arguments.without)
    if not re.fullmatch(r"[a-z][a-z0-9_]*", prefix):
        sys.exit("a prefix is lower case letters, digits and _, and begins with a letter")
    if not without <= set(sources()):
        sys.exit("no such source: " + ", ".join(sorted(without - set(sources()))))
    with open(os.path.join(ROOT, "include", "ccp.h"), encoding="utf-8") as f:
        header = f.read()
    version = ".".join(re.findall(r"^#define CCP_VERSION_[A-Z]+ (\d+)$", header, re.M))
    code = Amalgamation(sources(), without).text(version)
    if prefix != "ccp":
        header, code = with_prefix(header, prefix), with_prefix(code, prefix)
        code = code.replace('#include "ccp.h"', '#include "%s.h"' % prefix, 1)
    os.makedirs(arguments.directory, exist_ok=True)
    write(os.path.join(arguments.directory, prefix + ".h"), header)
    write(os.path.join(arguments.directory, prefix + ".c"), code)


if __name__ == "__main__":
    main()
