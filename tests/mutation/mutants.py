# SPDX-License-Identifier: MIT
"""The mutants of a source file: each is one small change, named so that it stays the same when
other lines of the file change.

  orders       an ordered atomic operation becomes one step weaker
  wakes        a wake, a notification or a look after registering is left out
  conditions   a comparison, a connective or a whole condition is changed
  statements   a statement is left out
"""
import re

STAGES = ("orders", "wakes", "conditions", "statements")


class Mutant:
    def __init__(self, stage, path, start, end, text, what, whole):
        self.stage, self.path, self.start, self.end, self.text = stage, path, start, end, text
        self.line = whole.count("\n", 0, start) + 1
        first = whole.rfind("\n", 0, start) + 1
        last = whole.find("\n", end)
        self.source = re.sub(r"\s+", " ", whole[first:last].strip())
        self.function = function_at(whole, start)
        self.what = what
        self.number = 0  # of the mutants that would have the same name

    @property
    def name(self):
        same = "#%d" % (self.number + 1) if self.number else ""
        return "%s: %s(): %s | %s%s" % (self.path, self.function, self.source, self.what, same)

    def apply(self, whole):
        return whole[: self.start] + self.text + whole[self.end :]


def blank(text, pattern):
    """The text with what matches the pattern made blank, so that positions stay."""
    return re.sub(pattern, lambda m: re.sub(r"[^\n]", " ", m.group()), text, flags=re.S)


def code_of(whole):
    """Without comments, strings and lines of the preprocessor."""
    code = blank(whole, r"/\*.*?\*/|//[^\n]*")
    code = blank(code, r'"(?:\\.|[^"\\\n])*"')
    return blank(code, r"(?m)^[ \t]*#(?:[^\n]*\\\n)*[^\n]*")


def closing(code, at):
    """The position after the bracket that closes the one at `at`."""
    depth = 0
    for i in range(at, len(code)):
        depth += {"(": 1, ")": -1, "[": 1, "]": -1, "{": 1, "}": -1}.get(code[i], 0)
        if depth == 0:
            return i + 1
    raise ValueError("bracket never closed")


def function_at(whole, at):
    """The name of the function around a position."""
    found = re.findall(r"(?m)^[A-Za-z][^\n;=]*?\b(\w+)\(", whole[:at])
    return found[-1] if found else "?"


def functions(code):
    """Where the bodies of functions begin and end: braces in the first column."""
    for m in re.finditer(r"(?m)^\{", code):
        yield m.start(), closing(code, m.start())


# ---- orders ----

WEAKER = {
    "load": {"SC": ["ACQ"], "ACQ": ["RLX"]},
    "store": {"SC": ["REL"], "REL": ["RLX"]},
    "change": {"SC": ["ACQ_REL"], "ACQ_REL": ["ACQ", "REL"], "ACQ": ["RLX"], "REL": ["RLX"]},
}


def orders(path, whole, code):
    for m in re.finditer(r"\batomic_(\w+?)_explicit\s*\(", code):
        end = closing(code, m.end() - 1)
        kind = {"load": "load", "store": "store"}.get(m.group(1), "change")
        found = list(re.finditer(r"\bCCPI_(SC|ACQ_REL|ACQ|REL|RLX)\b", code[m.end() : end]))
        for i, o in enumerate(found):
            failing = "compare_exchange" in m.group(1) and i == 1
            steps = WEAKER["load" if failing else kind].get(o.group(1), [])
            for weaker in steps:
                start = m.end() + o.start()
                what = "%s%s -> %s" % ("on failure " if failing else "", o.group(1), weaker)
                yield Mutant("orders", path, start, start + len(o.group()), "CCPI_" + weaker, what,
                             whole)
    for m in re.finditer(r"\batomic_thread_fence\s*\([^)]*\)", code):
        yield Mutant("orders", path, m.start(), m.end(), "(void)0", "no fence", whole)


# ---- wakes and looks ----

WAKES = (r"ccpi_waiter_wake|ccpi_word_wake|ccpi_wake_all|ccpi_crowd_notify|ccpi_crowd_notify_slow|"
         r"ccpi_crowd_wake|ccpi_crowd_leave|ccpi_crowd_release_all|ccpi_crowd_pop_all|wake_one|"
         r"ccpi_pool_tell|ccpi_pool_wake_drains|ccpi_pool_alarm|rouse_locked|"
         r"ccpi_event_raise|ccpi_waiter_raise|ccpi_poll_tell_locked|ccpi_poll_tell_slow_locked|"
         r"ccpi_poll_again|ccpi_poll_again_slow|ccpi_pool_tell_idle|ccpi_pool_is_not_idle|"
         r"ccpi_queue_claim_all|ccpi_hooks_run|run_hooks|claim_settled|settle_locked|tell|ring|"
         r"take_back")
LOOKS = (r"ccpi_chan_ready|ccpi_ring_ready|ccpi_count_ready|ready_now|ccpi_meet_laid_out|"
         r"partner_parked|drained|still_running|ccpi_chan_closed|status_of|watch_contexts|taken|"
         r"has_ended|is_lost|is_behind|announce_locked|active|settled|take_waiter|is_over|"
         r"ccpi_timer_ready|ccpi_poll_is_armed|is_ready_locked|ccpi_pool_is_idle")


def wakes(path, whole, code):
    for start, end in functions(code):
        for m in re.finditer(r"\b(%s)\s*\(" % WAKES, code[start:end]):
            at = start + m.start()
            stop = closing(code, start + m.end() - 1)
            if not re.match(r"\s*;", code[stop:]) or code[code.rfind("\n", 0, at) + 1 : at].strip():
                continue
            yield Mutant("wakes", path, at, stop, "(void)0", "no " + m.group(1), whole)
        for m in re.finditer(r"\b(%s)\s*\(" % LOOKS, code[start:end]):
            at = start + m.start()
            stop = closing(code, start + m.end() - 1)
            call = whole[at:stop]
            for value in ("0", "1"):
                if m.group(1) == "status_of":
                    text = "((ccp_status)(%s))" % ("CCP_OK" if value == "0" else "CCP_CANCELED")
                else:
                    text = "((void)%s, %s)" % (call, value)
                yield Mutant("wakes", path, at, stop, text, "%s is %s" % (m.group(1), value), whole)


# ---- conditions ----

def top_level(code, start, end, pattern):
    """Matches between start and end that stand in no bracket of their own."""
    depth = 0
    for m in re.finditer(r"[()\[\]{}]|" + pattern, code[start:end]):
        c = m.group()
        if c in "([{":
            depth += 1
        elif c in ")]}":
            depth -= 1
        elif depth == 0:
            yield m


def condition_spans(code, start, end):
    for m in re.finditer(r"\b(if|while|for)\s*\(", code[start:end]):
        a = start + m.end()
        b = closing(code, a - 1) - 1
        if m.group(1) == "for":
            parts = [s.start() for s in top_level(code, a, b, ";")]
            if len(parts) != 2 or not code[a + parts[0] + 1 : a + parts[1]].strip():
                continue
            a, b = a + parts[0] + 1, a + parts[1]
            a += len(code[a:b]) - len(code[a:b].lstrip())
        yield m.group(1), a, b
    for m in re.finditer(r"(?:\breturn|(?<![=!<>+*/|&^-])=(?!=))\s+((?:[^;{}=?]|[=!<>]=)+?)\s*\?",
                         code[start:end]):
        a, b = start + m.start(1), start + m.end(1)
        opened = [i for i in range(a, b) if code[i] == "(" and
                  code.count("(", i, b) > code.count(")", i, b)]
        a = max(opened) + 1 if opened else a
        a = max([a] + [a + c.end() for c in top_level(code, a, b, ",")])
        yield "?:", a + len(code[a:b]) - len(code[a:b].lstrip()), b


COMPARISONS = {"==": ["!="], "!=": ["=="], "<": ["<="], "<=": ["<"], ">": [">="], ">=": [">"]}


def conditions(path, whole, code):
    for start, end in functions(code):
        for kind, a, b in condition_spans(code, start, end):
            text = whole[a:b]
            values = ("0",) if kind in ("while", "for") else ("0", "1")
            for v in values:
                if text.strip() != v:
                    yield Mutant("conditions", path, a, b, v, "%s (%s)" % (kind, v), whole)
        body = code[start:end]
        for m in re.finditer(r"(?<![<>=!+\-*/%&|^-])(==|!=|<=|>=|<|>)(?![<>=])", body):
            for other in COMPARISONS[m.group(1)]:
                at = start + m.start()
                yield Mutant("conditions", path, at, at + len(m.group(1)), other,
                             "col %d %s -> %s" % (column(whole, at), m.group(1), other), whole)
        for m in re.finditer(r"&&|\|\|", body):
            other = "||" if m.group() == "&&" else "&&"
            at = start + m.start()
            yield Mutant("conditions", path, at, at + 2, other,
                         "col %d %s -> %s" % (column(whole, at), m.group(), other), whole)


def column(whole, at):
    line = whole[whole.rfind("\n", 0, at) + 1 :]
    return at - (whole.rfind("\n", 0, at) + 1) - (len(line) - len(line.lstrip(" "))) + 1


# ---- statements ----

KEPT = re.compile(r"^(return|break|continue|goto|else|case|default|do|struct|static|const|"
                  r"\(void\)\w+;|[A-Za-z_]\w*(\s*\*+\s*|\s+)[A-Za-z_]\w*\s*(=|;|\[|,))")


def statements(path, whole, code):
    for start, end in functions(code):
        for m in re.finditer(r"(?m)^[ \t]+([^\s{}][^;{}]*;)[ \t]*$", code[start:end]):
            a, b = start + m.start(1), start + m.end(1)
            text = code[a:b]
            head = re.match(r"(?:else\s+)?(?:if|while|for)\s*\(", text)
            while head and ";" in text[head.end():]:
                try:
                    after = closing(code, a + head.end() - 1)
                except ValueError:
                    break
                a = after + len(code[after:b]) - len(code[after:b].lstrip())
                text = code[a:b]
                head = re.match(r"(?:if|while|for)\s*\(", text)
            if (not text or KEPT.match(text) or text.strip() == ";" or
                    text.count("(") != text.count(")")):
                continue
            yield Mutant("statements", path, a, b, ";", "left out: %s" %
                         re.sub(r"\s+", " ", text)[:60], whole)


def mutants(path, whole, stage):
    code = code_of(whole)
    made = {"orders": orders, "wakes": wakes, "conditions": conditions,
            "statements": statements}[stage]
    seen, texts = {}, set()
    for m in made(path, whole, code):
        if "CCPI_CHECK" in m.source or m.apply(whole) in texts:
            continue
        texts.add(m.apply(whole))
        key = (m.function, m.source, m.what)
        m.number = seen.get(key, 0)
        seen[key] = m.number + 1
        yield m
