#!/usr/bin/python3
"""Every line of level warning or above that the daemon can log is in doc/OPERATIONS.md, with its cause and remedy.

From src/daemon and src/io (the rooms log nothing): the formats of log_err() and log_warning() and of every call that is given
LOG_LEVEL_ERR or LOG_LEVEL_WARNING; the beginnings of lines that are made piece by piece (MADE); and the names of what a
function gives such a level to (return LOG_LEVEL_...). The catalogue is every table row of the section "Log messages": in
its first cell, between backquotes, a phrase that is a part of the format, or such a name. One that no source has is an
error too. A line that names a Service, an address, a node or a peer has to have it as a field of the journal
also. What src/config says of a file is one entry: each of its sentences says what is wanted.
"""

import os
import re
import sys

TOP = os.environ.get("top_srcdir", os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
LEVELS = ("LOG_LEVEL_ERR", "LOG_LEVEL_WARNING")
# Logged as "%s", or as a reason after it: the files, and how the lines begin.
MADE = ("src/daemon/warnings.c", "src/daemon/api.c", "src/io/ctl_server.c")
BEGINS = r"(config|l2|node|bgp|control socket|kubeconfig|token file) "
LITERAL = r'"(?:[^"\\]|\\.)*"'


def read(path):
    with open(path, encoding="utf-8") as f:
        return re.sub(r"/\*.*?\*/", " ", f.read(), flags=re.S)


def sources(*rooms):
    for room in rooms:
        directory = os.path.join(TOP, "src", room)
        for name in sorted(os.listdir(directory)):
            if name.endswith(".c"):
                yield f"src/{room}/{name}", read(os.path.join(directory, name))


def call(text, start):
    """The text of a call's arguments, from its opening parenthesis on."""
    depth = 0
    for match in re.compile(LITERAL + r"|[()]").finditer(text, start):
        depth += {"(": 1, ")": -1}.get(match[0], 0)
        if depth == 0:
            return text[start:match.end()]
    raise ValueError("a call without an end")


def first_string(arguments):
    """The first string of a call: adjacent literals are one, macros between them are a gap."""
    arguments = re.sub(r'"METALLB_[A-Z]+"', "", arguments)  # the keys of fields
    match = re.search(LITERAL + rf"(?:\s+(?:{LITERAL}|[A-Z][A-Za-z0-9_]+))*", arguments)
    if not match:
        return None
    parts = re.findall(LITERAL + r"|[A-Z][A-Za-z0-9_]+", match[0])
    return "".join(part[1:-1].replace('\\"', '"') if part[0] == '"' else "%" for part in parts)


def logged():
    """(place, format) of every call at one of the levels."""
    for place, text in sources("daemon", "io"):
        for match in re.finditer(r"\b(log_err|log_warning|log_line|say)\(", text):
            arguments = call(text, match.end() - 1)
            if match[1] in ("log_line", "say") and not any(level in arguments for level in LEVELS):
                continue
            line = text.count("\n", 0, match.start()) + 1
            string = first_string(arguments)
            if string is not None:
                yield f"{place}:{line}", string


def made():
    """(place, text) of the beginnings of lines that no single format has."""
    for place, text in sources("daemon", "io"):
        for match in re.finditer(LITERAL, text) if place in MADE else ():
            if re.match(BEGINS, match[0][1:-1]):
                yield f"{place}:{text.count(chr(10), 0, match.start()) + 1}", match[0][1:-1]


def without_fields():
    """(place, format) of calls that name a Service, an address, a node or a peer and cannot pass it as a field."""
    for place, text in sources("daemon", "io"):
        for match in re.finditer(r"\blog_(?:err|warning|notice|info|debug)\(", text):
            string = first_string(call(text, match.end() - 1))
            if string and re.search(r"\b(service|address|node|peer)=%s", string):
                yield f"{place}:{text.count(chr(10), 0, match.start()) + 1}", string


def named():
    """(place, name) of what a function gives one of the levels to. Tables without designators are in the order of the enum,
    and their names are its words."""
    everything = "".join(text for _, text in sources("daemon", "lease", "kube", "announce"))
    for place, text in sources("daemon"):
        for function in re.findall(r"^static enum log_level\n\w+\(.*?^}", text, flags=re.S | re.M):
            otherwise = re.findall(r"return (\w+);", function)[-1]
            for labels, level in re.findall(r"((?:\tcase \w+:\n)+)\s*(?:return ([A-Z_]+)|break);", function):
                for label in re.findall(r"case (\w+):", labels) if (level or otherwise) in LEVELS else ():
                    entry = re.search(rf'\[{label}\]\s*=\s*"([^"]*)"', everything)
                    if not label.endswith("_COUNT"):
                        yield f"{place}: {label}", entry[1] if entry else label.split("_", 2)[2].lower().replace("_", "-")


def catalogue():
    with open(os.path.join(TOP, "doc", "OPERATIONS.md"), encoding="utf-8") as f:
        section = f.read().split("\n## Log messages\n")[1].split("\n## ")[0]
    cells = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    return [phrase for cell in cells for phrase in re.findall(r"`([^`]+)`", cell)]


def has_words(string):
    return bool(re.search(r"[a-z]{3}", re.sub(r"%[-+ #0-9.*]*(?:ll|l|z)?[a-zA-Z]", "", string)))


def main():
    phrases = catalogue()
    number, failed = 0, 0

    def case(good, text):
        nonlocal number, failed
        number += 1
        failed += not good
        print(f"{'ok' if good else 'not ok'} {number} - {text.replace('#', '')}")

    formats = [(place, string) for place, string in [*logged(), *made()] if has_words(string)]
    names = list(named())
    for place, string in formats:
        case(any(" " in phrase and phrase in string for phrase in phrases), f"{place} {string}")
    for place, name in names:
        case(name in phrases, f"{place} {name}")
    for place, string in without_fields():
        case(False, f"{place} has no field for the journal: {string}")
    for phrase in phrases:
        case(any(phrase == name for _, name in names) or any(phrase in string for _, string in formats),
             f"some source says: {phrase}")
    print(f"1..{number}")
    return 1 if failed or not formats or not names else 0


sys.exit(main())
